package mintmark.gates.scan.required_tools_test

import data.mintmark.gates.scan.required_tools as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	count(rule.gaps) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_a_missing_tool_is_named if {
	document := testing.patched([{"op": "remove", "path": "/scans/3"}])
	rule.gaps == {{"id": rule.id, "facts": {"reason": "missing", "tool": "semgrep"}}} with input as document
	not rule.satisfied with input as document
}

test_a_tool_that_ran_twice_is_named if {
	document := testing.replaced("/scans/3/tool", "bandit")
	testing.reasons(rule.gaps) == {"missing", "duplicate"} with input as document
	not rule.satisfied with input as document
}

test_another_version_is_named if {
	document := testing.replaced("/scans/0/tool_version", "0.1")
	testing.reasons(rule.gaps) == {"tool_version"} with input as document
	not rule.satisfied with input as document
}

test_a_gate_that_requires_nothing_proves_nothing if {
	not rule.satisfied with input as testing.patched([]) with data.mintmark.params.required_tools as []
}

test_a_tool_that_had_nothing_to_read_has_no_version if {
	document := testing.patched([
		{"op": "replace", "path": "/scans/1/status", "value": "skipped"},
		{"op": "replace", "path": "/scans/1/present", "value": 0},
		{"op": "replace", "path": "/scans/1/given", "value": 0},
		{"op": "replace", "path": "/scans/1/tool_version", "value": "unknown"},
	])
	rule.satisfied with input as document
}

elsewhere := testing.patched([
	{"op": "replace", "path": "/scans/0/means", "value": "import"},
	{"op": "replace", "path": "/scans/0/tool_version", "value": "0.1"},
	{"op": "replace", "path": "/scans/0/expected_version", "value": ""},
])

test_a_report_from_elsewhere_stands_for_a_required_tool_only_where_it_is_listed if {
	testing.reasons(rule.gaps) == {"missing", "tool_version"} with input as elsewhere
	not rule.satisfied with input as elsewhere
	rule.satisfied with input as elsewhere with data.mintmark.params.environments.local.imported_tools as ["bandit"]
}
