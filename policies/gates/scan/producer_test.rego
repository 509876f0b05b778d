package mintmark.gates.scan.producer_test

import data.mintmark.gates.scan.producer as rule
import data.mintmark.lib.testing

in_production(origin) := testing.patched([
	{"op": "replace", "path": "/environment", "value": {"name": "production", "protected": true}},
	{"op": "replace", "path": "/scans", "value": [object.union(scan, {"producer": {"id": "key", "origin": origin}}) |
		some scan in data.mintmark_test.baseline.scans
	]},
])

test_local_scans_are_accepted_in_local if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_the_pipelines_scans_are_accepted_in_production if {
	rule.satisfied with input as in_production("ci")
}

test_local_scans_are_refused_in_production if {
	testing.reasons(rule.refusals) == {"producer_mismatch"} with input as in_production("local")
	not rule.satisfied with input as in_production("local")
}

test_no_list_makes_local_scans_acceptable_in_production if {
	not rule.satisfied with input as in_production("local")
		with data.mintmark.params.environments.production.trusted_origins as ["ci", "local"]
}

test_a_scan_without_a_producer_is_refused if {
	every path in ["/scans/0/producer", "/scans/0/producer/origin"] {
		document := testing.patched([{"op": "remove", "path": path}])
		testing.reasons(rule.refusals) == {"producer_mismatch"} with input as document
		not rule.satisfied with input as document
	}
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/scans/0/producer/id"}])
}

test_a_report_from_elsewhere_is_refused_unless_its_tool_is_listed if {
	document := testing.replaced("/scans/0/means", "import")
	{entry.facts.what | some entry in rule.refusals} == {"import"} with input as document
	not rule.satisfied with input as document
	rule.satisfied with input as document with data.mintmark.params.environments.local.imported_tools as ["bandit"]
}

test_a_scan_that_does_not_say_how_it_came_to_be_is_refused if {
	document := testing.patched([{"op": "remove", "path": "/scans/0/means"}])
	{entry.facts.what | some entry in rule.refusals} == {"import"} with input as document
}

test_no_scan_proves_nothing if {
	not rule.satisfied with input as testing.replaced("/scans", [])
}
