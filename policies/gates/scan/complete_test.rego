package mintmark.gates.scan.complete_test

import data.mintmark.gates.scan.complete as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	count(rule.gaps) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_each_way_to_be_incomplete_is_named if {
	every path, expected in {
		"/scans/0/read": {"value": 40, "reason": "coverage"},
		"/scans/0/given": {"value": 0, "reason": "nothing_given"},
		"/scans/0/rules": {"value": 0, "reason": "no_rules"},
		"/scans/0/status": {"value": "failed", "reason": "inconclusive"},
		"/scans/0/tree_digest": {"value": "sha256:other", "reason": "tree"},
		"/scans/0/unread": {"value": [{"path": "a.py", "reason": "syntax error"}], "reason": "unread"},
	} {
		expected.reason in testing.reasons(rule.gaps) with input as testing.replaced(path, expected.value)
		not rule.satisfied with input as testing.replaced(path, expected.value)
	}
}

test_a_scan_that_says_nothing_of_itself_is_incomplete_in_every_way if {
	testing.reasons(rule.gaps) == {"unread", "tree", "nothing_given"} with input as testing.replaced("/scans", [{}])
	not rule.satisfied with input as testing.replaced("/scans", [{}])
}

test_no_scan_proves_nothing if {
	not rule.satisfied with input as testing.replaced("/scans", [])
}

skipped(present) := [
	{"op": "replace", "path": "/scans/1/status", "value": "skipped"},
	{"op": "replace", "path": "/scans/1/present", "value": present},
	{"op": "replace", "path": "/scans/1/given", "value": 0},
	{"op": "replace", "path": "/scans/1/read", "value": 0},
	{"op": "replace", "path": "/scans/1/rules", "value": 0},
]

test_a_scan_may_be_skipped_where_the_tree_holds_nothing_of_its_kind if {
	count(rule.gaps) == 0 with input as testing.patched(skipped(0))
	rule.satisfied with input as testing.patched(skipped(0))
}

test_a_scan_may_not_be_skipped_where_the_tree_holds_one_file_of_its_kind if {
	testing.reasons(rule.gaps) == {"not_given"} with input as testing.patched(skipped(1))
	not rule.satisfied with input as testing.patched(skipped(1))
}

test_a_skipped_scan_of_another_tree_proves_nothing if {
	other := [{"op": "replace", "path": "/scans/1/tree_digest", "value": "sha256:other"}]
	testing.reasons(rule.gaps) == {"tree"} with input as testing.patched(array.concat(skipped(0), other))
	not rule.satisfied with input as testing.patched(array.concat(skipped(0), other))
}

test_a_report_from_elsewhere_cannot_say_that_our_tree_holds_nothing if {
	elsewhere := [{"op": "replace", "path": "/scans/1/means", "value": "import"}]
	testing.reasons(rule.gaps) == {"not_given"} with input as testing.patched(array.concat(skipped(0), elsewhere))
}

test_all_of_them_together_may_not_be_skipped if {
	nothing := [scan |
		some each in data.mintmark_test.baseline.scans
		scan := object.union(each, {"status": "skipped", "present": 0, "given": 0, "read": 0})
	]
	rule.gaps == {{
		"id": rule.id,
		"facts": {"reason": "nothing_given", "tool": "every required scanner"},
	}} with input as testing.replaced("/scans", nothing)
	not rule.satisfied with input as testing.replaced("/scans", nothing)
}
