# METADATA
# title: Every scan read all that it was given
# description: >-
#   A scan that failed, left files unread, was given nothing, ran without rules or read another tree leaves the release
#   undecided: an unread file is not a clean one.
# custom:
#   id: scan.complete
#   severity: high
#   controls: [MM-SCN-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "unread" %}{{ tool }} did not read {{ path }}: {{ detail }}{% elif reason == "status" %}{{ tool }} is {{ status }}: {{ detail }}{% elif reason == "coverage" %}{{ tool }} was given {{ given }} and read {{ read }}{% elif reason == "nothing_given" %}{{ tool }} was given nothing to read{% elif reason == "no_rules" %}{{ tool }} ran without any rule{% else %}{{ tool }} read another tree than the one under test{% endif %}
#   why: A scanner that skips a file exits as if the file were clean, so what it read is compared with what it was given.
#   accepted: Scans with status complete that read exactly what they were given (at least one file or pin), with at least one rule, from the tree under test.
#   remedy: Make the file parse, or the scanner run, and scan again.
package mintmark.gates.scan.complete

import data.mintmark.lib.evidence

id := "scan.complete"

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	some left in unread(scan)
	facts := {
		"reason": "unread",
		"tool": tool(scan),
		"path": object.get(left, "path", ""),
		"detail": object.get(left, "reason", ""),
	}
}

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	count(unread(scan)) == 0
	object.get(scan, "status", "unknown") != "complete"
	facts := {
		"reason": "status",
		"tool": tool(scan),
		"status": object.get(scan, "status", "unknown"),
		"detail": object.get(scan, "reason", ""),
	}
}

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	count(unread(scan)) == 0
	object.get(scan, "status", "unknown") == "complete"
	given(scan) != read(scan)
	facts := {"reason": "coverage", "tool": tool(scan), "given": given(scan), "read": read(scan)}
}

gaps contains {"id": id, "facts": {"reason": "nothing_given", "tool": tool(scan)}} if {
	some scan in evidence.scans
	object.get(scan, "status", "unknown") == "complete"
	not given(scan) > 0
}

gaps contains {"id": id, "facts": {"reason": "no_rules", "tool": tool(scan)}} if {
	some scan in evidence.scans
	object.get(scan, "status", "unknown") == "complete"
	not object.get(scan, "rules", 0) > 0
}

gaps contains {"id": id, "facts": {"reason": "tree", "tool": tool(scan)}} if {
	some scan in evidence.scans
	object.get(scan, "tree_digest", "none") != evidence.tree_digest
}

default satisfied := false

satisfied if {
	count(evidence.scans) > 0
	every scan in evidence.scans {
		complete(scan)
	}
}

complete(scan) if {
	object.get(scan, "status", "unknown") == "complete"
	count(unread(scan)) == 0
	given(scan) > 0
	read(scan) == given(scan)
	object.get(scan, "rules", 0) > 0
	object.get(scan, "tree_digest", "none") == evidence.tree_digest
}

tool(scan) := object.get(scan, "tool", "an unnamed tool")

unread(scan) := object.get(scan, "unread", [{"path": "everything", "reason": "the scan does not say what it left out"}])

given(scan) := object.get(scan, "given", 0)

read(scan) := object.get(scan, "read", -1)
