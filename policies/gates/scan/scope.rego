# METADATA
# title: Nothing that is shipped was left out of the scans
# description: >-
#   A file that is shipped, of a kind that a scanner reads, and that no scanner was given, is refused. Where nothing says
#   what was covered, the release stays undecided.
# custom:
#   id: scan.scope
#   severity: high
#   controls: [MM-SCN-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "not_shown" %}nothing says which of the shipped files the scanners were given{% elif reason == "nothing_given" %}not one shipped file is of a kind that a scanner reads{% else %}of {{ present }} shipped {{ kind }} files the scanners were given {{ given }}{% if left_out %}: {{ left_out | join(", ") }} left out{% endif %}{% endif %}
#   why: A scope that leaves a folder out makes every scan of it look clean.
#   accepted: For each kind of file that is shipped, as many files given to scanners as there are, and none left out.
#   remedy: Widen the scope of the scan in mintmark.toml until it holds everything that is shipped, and scan again.
package mintmark.gates.scan.scope

import data.mintmark.lib.evidence

id := "scan.scope"

gaps contains {"id": id, "facts": {"reason": "not_shown"}} if count(evidence.coverage) == 0

gaps contains {"id": id, "facts": {"reason": "nothing_given"}} if {
	count(evidence.coverage) > 0
	not something_given
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some kind in evidence.coverage
	not covered(kind)
	facts := {
		"reason": "coverage",
		"kind": object.get(kind, "kind", "unknown"),
		"present": object.get(kind, "present", "unknown"),
		"given": object.get(kind, "given", "unknown"),
		"left_out": object.get(kind, "left_out", []),
	}
}

default satisfied := false

satisfied if {
	something_given
	every kind in evidence.coverage {
		covered(kind)
	}
}

covered(kind) if {
	object.get(kind, "kind", "") != ""
	object.get(kind, "given", -1) == object.get(kind, "present", -2)
	count(object.get(kind, "left_out", ["unknown"])) == 0
}

something_given if {
	some kind in evidence.coverage
	object.get(kind, "given", 0) > 0
}
