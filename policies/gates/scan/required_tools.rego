# METADATA
# title: Every required scanner ran, in the version of its lock
# description: >-
#   A scanner that is required and has no scan that counts, has two, or ran in another version than the lock of the run
#   asked for leaves the release undecided.
# custom:
#   id: scan.required_tools
#   severity: high
#   controls: [MM-SCN-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}there is no scan by {{ tool }}{% elif reason == "duplicate" %}there are {{ scans }} scans by {{ tool }}, and it is unclear which one counts{% else %}{{ tool }} ran as version {{ version or "unknown" }}, and its lock asks for {{ expected or "no version" }}{% endif %}
#   why: What was never looked for is not absent, and an older scanner knows less.
#   accepted: Exactly one scan by each required tool, run by the version that its lock asks for; a report made elsewhere only where the environment takes those of that tool.
#   remedy: Run `mintmark scan` with the pinned tools and judge again.
package mintmark.gates.scan.required_tools

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans

id := "scan.required_tools"

gaps contains {"id": id, "facts": {"reason": "missing", "tool": tool}} if {
	some tool in parameters.required_tools
	count(scans_by(tool)) == 0
}

gaps contains {"id": id, "facts": {"reason": "duplicate", "tool": tool, "scans": count(scans_by(tool))}} if {
	some tool in parameters.required_tools
	count(scans_by(tool)) > 1
}

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	not pinned(scan)
	facts := {
		"reason": "tool_version",
		"tool": scans.tool(scan),
		"version": object.get(scan, "tool_version", ""),
		"expected": object.get(scan, "expected_version", ""),
	}
}

default satisfied := false

# A gate that requires nothing proves nothing.
satisfied if {
	count(parameters.required_tools) > 0
	every tool in parameters.required_tools {
		count(scans_by(tool)) == 1
	}
	every scan in evidence.scans {
		pinned(scan)
	}
}

scans_by(tool) := [1 |
	some scan in evidence.scans
	object.get(scan, "tool", "") == tool
	scans.counts(scan)
]

# What did not run has no version, and that of a report from elsewhere is not ours to choose.
pinned(scan) if scans.absent(scan)

pinned(scan) if scans.imported(scan)

pinned(scan) if {
	expected := object.get(scan, "expected_version", "")
	expected != ""
	object.get(scan, "tool_version", "") == expected
}
