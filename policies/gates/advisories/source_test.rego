package mintmark.gates.advisories.source_test

import data.mintmark.gates.advisories.source as rule
import data.mintmark.lib.testing

production(operations) := testing.patched(array.concat(
	[
		{"op": "replace", "path": "/environment", "value": {"name": "production", "protected": true}},
		{"op": "replace", "path": "/scans/2/data/source", "value": "osv-export"},
		{"op": "replace", "path": "/scans/2/data/complete", "value": true},
	],
	operations,
))

test_the_snapshot_is_enough_for_local if {
	rule.satisfied with input as testing.patched([])
}

test_a_whole_export_is_enough_for_production if {
	rule.satisfied with input as production([])
}

test_a_partial_one_is_not if {
	document := production([{"op": "replace", "path": "/scans/2/data/complete", "value": false}])
	testing.reasons(rule.refusals) == {"partial"} with input as document
	not rule.satisfied with input as document
}

test_each_other_defect_is_named if {
	every path, expected in {
		"/scans/2/data/as_of": {"value": 1, "reason": "db_stale"},
		"/scans/2/data/source": {"value": "somewhere", "reason": "source"},
		"/scans/2/data/records": {"value": 0, "reason": "empty"},
	} {
		testing.reasons(rule.refusals) == {expected.reason} with input as testing.replaced(path, expected.value)
		not rule.satisfied with input as testing.replaced(path, expected.value)
	}
}

test_the_future_is_refused if {
	document := testing.replaced("/scans/2/data/as_of", 1790000061)
	testing.reasons(rule.refusals) == {"future"} with input as document
	not rule.satisfied with input as document
}

test_without_advisories_nothing_is_proven if {
	document := testing.replaced("/scans/2/data", null)
	testing.reasons(rule.gaps) == {"missing"} with input as document
	not rule.satisfied with input as document
}

test_the_oldest_and_the_newest_advisories_that_count_do_so_to_the_second if {
	rule.satisfied with input as production([{"op": "replace", "path": "/scans/2/data/as_of", "value": 1789740800}])
	older := production([{"op": "replace", "path": "/scans/2/data/as_of", "value": 1789740799}])
	testing.reasons(rule.refusals) == {"db_stale"} with input as older
	rule.satisfied with input as testing.replaced("/scans/2/data/as_of", 1790000060)
}

test_without_a_scan_of_dependencies_nothing_is_proven if {
	document := testing.patched([{"op": "remove", "path": "/scans/10"}, {"op": "remove", "path": "/scans/2"}])
	testing.reasons(rule.gaps) == {"missing"} with input as document
	not rule.satisfied with input as document
}

test_a_second_scan_of_dependencies_must_name_its_advisories_too if {
	second := object.union(data.mintmark_test.baseline.scans[2], {"data": null})
	document := testing.patched([{"op": "add", "path": "/scans/-", "value": second}])
	testing.reasons(rule.gaps) == {"missing"} with input as document
	not rule.satisfied with input as document
}

test_where_the_tree_has_no_dependency_there_is_nothing_to_match if {
	document := testing.patched([
		{"op": "replace", "path": "/scans/2/status", "value": "skipped"},
		{"op": "replace", "path": "/scans/2/present", "value": 0},
		{"op": "replace", "path": "/scans/2/given", "value": 0},
		{"op": "replace", "path": "/scans/2/data", "value": null},
	])
	rule.satisfied with input as document
}
