# METADATA
# title: Nothing that is shipped was left out of the scans
# description: >-
#   A file that is shipped, of a kind that a scanner reads, and that no scanner was given, is refused. Where nothing says
#   what a required scanner covered, or its own scan speaks of less, the release stays undecided.
# custom:
#   id: scan.scope
#   severity: high
#   controls: [MM-SCN-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "not_shown" %}nothing says which of the shipped files {{ tool or "the scanners" }} {{ "was" if tool else "were" }} given{% elif reason == "contradicted" %}{{ tool }} was given {{ given }} of {{ present }} shipped files, and its scan speaks of {{ scanned }} of {{ held }}{% elif reason == "nothing_given" %}not one shipped file is of a kind that a scanner reads{% else %}of {{ present }} shipped {{ kind }} files the scanners were given {{ given }}{% if left_out %}: {{ left_out | join(", ") }} left out{% endif %}{% endif %}
#   why: A scope that leaves a folder out makes every scan of it look clean.
#   accepted: For each kind of file that is shipped, as many files given to scanners as there are, and none left out; and a scan by each required tool that speaks of no fewer.
#   remedy: Widen the scope of the scan in mintmark.toml until it holds everything that is shipped, and scan again.
package mintmark.gates.scan.scope

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans

id := "scan.scope"

gaps contains {"id": id, "facts": {"reason": "not_shown", "tool": ""}} if count(evidence.coverage) == 0

gaps contains {"id": id, "facts": {"reason": "not_shown", "tool": scans.tool(scan)}} if {
	count(evidence.coverage) > 0
	some scan in required
	count(shown(scan)) == 0
}

gaps contains {"id": id, "facts": {"reason": "nothing_given"}} if {
	count(evidence.coverage) > 0
	not something_given
}

# The release counts its files apart from the scanner: a scan that had nothing to read, or less, is of something else.
gaps contains {"id": id, "facts": facts} if {
	some scan in required
	some kind in shown(scan)
	not agrees(kind, scan)
	facts := {
		"reason": "contradicted",
		"tool": scans.tool(scan),
		"present": object.get(kind, "present", "unknown"),
		"given": object.get(kind, "given", "unknown"),
		"scanned": object.get(scan, "given", "unknown"),
		"held": object.get(scan, "present", "unknown"),
	}
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
	every scan in required {
		confirmed(scan)
	}
}

# A report from elsewhere does not say what of our tree it was given.
required := [scan |
	some scan in evidence.scans
	scans.tool(scan) in parameters.required_tools
	not scans.imported(scan)
]

shown(scan) := [kind |
	some kind in evidence.coverage
	object.get(kind, "kind", "") == scans.tool(scan)
]

confirmed(scan) if {
	count(shown(scan)) > 0
	every kind in shown(scan) {
		agrees(kind, scan)
	}
}

agrees(kind, scan) if {
	object.get(kind, "present", 1) <= object.get(scan, "present", 0)
	enough_given(object.get(kind, "given", 1), scan)
}

enough_given(files, scan) if files <= object.get(scan, "given", 0)

# Some scanners count what they found in the files, such as the packages of a lock.
enough_given(_, scan) if {
	scans.tool(scan) in parameters.count_packages
	object.get(scan, "given", 0) > 0
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
