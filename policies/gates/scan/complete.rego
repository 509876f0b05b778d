# METADATA
# title: Every scan read all that it was given
# description: >-
#   A scan that failed, left files unread, was given nothing, ran without rules or read another tree leaves the release
#   undecided: an unread file is not a clean one. So does a scan that was skipped although the tree holds files of its
#   kind.
# custom:
#   id: scan.complete
#   severity: high
#   controls: [MM-SCN-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "unread" %}{{ tool }} did not read {{ path }}: {{ detail }}{% elif reason == "inconclusive" %}{{ tool }} is {{ status }}: {{ detail }}{% elif reason == "not_given" %}{{ tool }} was skipped ({{ detail }}), and the tree holds {{ present }} files of its kind{% elif reason == "coverage" %}{{ tool }} was given {{ given }} and read {{ read }}{% elif reason == "nothing_given" %}{{ tool }} was given nothing to read{% elif reason == "no_rules" %}{{ tool }} ran without any rule{% else %}{{ tool }} read another tree than the one under test{% endif %}
#   why: A scanner that skips a file exits as if the file were clean, so what it read is compared with what it was given.
#   accepted: >-
#     Scans with status complete that read exactly what they were given (at least one file or pin), with at least one rule, from the tree under test; and scans that were skipped because the tree holds nothing of their kind, as long as some required scanner read something.
#   remedy: Make the file parse, or the scanner run, or widen the scope, and scan again.
package mintmark.gates.scan.complete

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans

id := "scan.complete"

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	some left in unread(scan)
	facts := {
		"reason": "unread",
		"tool": scans.tool(scan),
		"path": object.get(left, "path", ""),
		"detail": object.get(left, "reason", ""),
	}
}

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	count(unread(scan)) == 0
	not scans.status(scan) in {"complete", "skipped"}
	facts := {
		"reason": "inconclusive",
		"tool": scans.tool(scan),
		"status": scans.status(scan),
		"detail": object.get(scan, "reason", ""),
	}
}

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	scans.status(scan) == "skipped"
	not scans.absent(scan)
	facts := {
		"reason": "not_given",
		"tool": scans.tool(scan),
		"present": object.get(scan, "present", "unknown"),
		"detail": object.get(scan, "reason", ""),
	}
}

gaps contains {"id": id, "facts": facts} if {
	some scan in evidence.scans
	count(unread(scan)) == 0
	scans.status(scan) == "complete"
	given(scan) != read(scan)
	facts := {"reason": "coverage", "tool": scans.tool(scan), "given": given(scan), "read": read(scan)}
}

gaps contains {"id": id, "facts": {"reason": "nothing_given", "tool": scans.tool(scan)}} if {
	some scan in evidence.scans
	scans.status(scan) == "complete"
	not given(scan) > 0
}

# Each scanner may have nothing of its kind; all of them together may not.
gaps contains {"id": id, "facts": {"reason": "nothing_given", "tool": "every required scanner"}} if {
	not something_read
}

gaps contains {"id": id, "facts": {"reason": "no_rules", "tool": scans.tool(scan)}} if {
	some scan in evidence.scans
	scans.status(scan) == "complete"
	not object.get(scan, "rules", 0) > 0
}

gaps contains {"id": id, "facts": {"reason": "tree", "tool": scans.tool(scan)}} if {
	some scan in evidence.scans
	not of_this_tree(scan)
}

default satisfied := false

satisfied if {
	something_read
	every scan in evidence.scans {
		complete(scan)
	}
}

complete(scan) if {
	scans.status(scan) == "complete"
	count(unread(scan)) == 0
	given(scan) > 0
	read(scan) == given(scan)
	object.get(scan, "rules", 0) > 0
	of_this_tree(scan)
}

complete(scan) if {
	scans.absent(scan)
	count(unread(scan)) == 0
	of_this_tree(scan)
}

something_read if {
	some scan in evidence.scans
	scans.tool(scan) in parameters.required_tools
	given(scan) > 0
}

of_this_tree(scan) if object.get(scan, "tree_digest", "none") == evidence.tree_digest

unread(scan) := object.get(scan, "unread", [{"path": "everything", "reason": "the scan does not say what it left out"}])

given(scan) := object.get(scan, "given", 0)

read(scan) := object.get(scan, "read", -1)
