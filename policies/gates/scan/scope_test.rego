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
		{"op": "replace", "path": "/coverage/0/given", "value": 40},
		{"op": "replace", "path": "/coverage/0/given", "value": 42},
		{"op": "add", "path": "/coverage/0/left_out/-", "value": "a.py"},
		{"op": "remove", "path": "/coverage/0/given"},
		{"op": "remove", "path": "/coverage/0/present"},
		{"op": "remove", "path": "/coverage/0/left_out"},
		{"op": "remove", "path": "/coverage/0/kind"},
	] {
		"coverage" in testing.reasons(rule.refusals) with input as testing.patched([operation])
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

test_a_scan_of_less_than_the_release_says_proves_nothing if {
	every operations in [
		[{"op": "replace", "path": "/scans/0/given", "value": 40}],
		[{"op": "remove", "path": "/scans/0/given"}],
		[{"op": "replace", "path": "/scans/0/present", "value": 40}],
		[{"op": "remove", "path": "/scans/0/present"}],
		[{"op": "replace", "path": "/scans/2/given", "value": 0}],
	] {
		testing.reasons(rule.gaps) == {"contradicted"} with input as testing.patched(operations)
		not rule.satisfied with input as testing.patched(operations)
	}
}

test_packages_are_not_compared_with_files if {
	files := [{"op": "replace", "path": path, "value": 40} |
		some path in ["/coverage/7/present", "/coverage/7/given", "/scans/2/present"]
	]
	rule.satisfied with input as testing.patched(files)
}

test_each_required_scanner_of_ours_shows_what_it_was_given if {
	unshown := [{"op": "remove", "path": "/coverage/0"}]
	testing.reasons(rule.gaps) == {"not_shown"} with input as testing.patched(unshown)
	not rule.satisfied with input as testing.patched(unshown)
	elsewhere := array.concat(unshown, [{"op": "replace", "path": "/scans/0/means", "value": "import"}])
	rule.satisfied with input as testing.patched(elsewhere)
		with data.mintmark.params.environments.local.imported_tools as ["bandit"]
}

test_without_coverage_nothing_is_proven if {
	testing.reasons(rule.gaps) == {"not_shown"} with input as testing.replaced("/coverage", [])
	testing.reasons(rule.gaps) == {"not_shown"} with input as {}
	not rule.satisfied with input as testing.replaced("/coverage", [])
}

test_a_release_without_any_file_of_a_known_kind_is_undecided if {
	nothing := [object.union(kind, {"present": 0, "given": 0}) | some kind in data.mintmark_test.baseline.coverage]
	testing.reasons(rule.gaps) == {"nothing_given"} with input as testing.replaced("/coverage", nothing)
	not rule.satisfied with input as testing.replaced("/coverage", nothing)
}
