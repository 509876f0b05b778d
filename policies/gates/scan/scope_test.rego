package mintmark.gates.scan.scope_test

import data.mintmark.gates.scan.scope as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	count(rule.gaps) == 0 with input as testing.patched([])
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_a_shipped_file_that_nobody_was_given_is_refused if {
	every operation in [
		{"op": "replace", "path": "/coverage/1/given", "value": 40},
		{"op": "replace", "path": "/coverage/1/given", "value": 42},
		{"op": "add", "path": "/coverage/1/left_out/-", "value": "a.py"},
		{"op": "remove", "path": "/coverage/1/given"},
		{"op": "remove", "path": "/coverage/1/present"},
		{"op": "remove", "path": "/coverage/1/left_out"},
		{"op": "remove", "path": "/coverage/1/kind"},
	] {
		testing.reasons(rule.refusals) == {"coverage"} with input as testing.patched([operation])
		not rule.satisfied with input as testing.patched([operation])
	}
}

test_a_kind_of_which_nothing_is_shipped_needs_no_scanner if {
	document := testing.patched([{
		"op": "add",
		"path": "/coverage/-",
		"value": {"kind": "terraform", "present": 0, "given": 0, "left_out": []},
	}])
	rule.satisfied with input as document
}

test_without_coverage_nothing_is_proven if {
	testing.reasons(rule.gaps) == {"not_shown"} with input as testing.replaced("/coverage", [])
	testing.reasons(rule.gaps) == {"not_shown"} with input as {}
	not rule.satisfied with input as testing.replaced("/coverage", [])
}

test_a_release_without_any_file_of_a_known_kind_is_undecided if {
	nothing := [{"kind": "python", "present": 0, "given": 0, "left_out": []}]
	testing.reasons(rule.gaps) == {"nothing_given"} with input as testing.replaced("/coverage", nothing)
	not rule.satisfied with input as testing.replaced("/coverage", nothing)
}
