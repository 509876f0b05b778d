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
		"/scans/0/status": {"value": "failed", "reason": "status"},
		"/scans/0/tree_digest": {"value": "sha256:other", "reason": "tree"},
		"/scans/0/unread": {"value": [{"path": "a.py", "reason": "syntax error"}], "reason": "unread"},
	} {
		expected.reason in testing.reasons(rule.gaps) with input as testing.replaced(path, expected.value)
		not rule.satisfied with input as testing.replaced(path, expected.value)
	}
}

test_a_scan_that_says_nothing_of_itself_is_incomplete_in_every_way if {
	testing.reasons(rule.gaps) == {"unread", "tree"} with input as testing.replaced("/scans", [{}])
	not rule.satisfied with input as testing.replaced("/scans", [{}])
}

test_no_scan_proves_nothing if {
	not rule.satisfied with input as testing.replaced("/scans", [])
}
