package mintmark.gates.scan.cached_test

import data.mintmark.gates.scan.cached as rule
import data.mintmark.lib.testing

in_production(cached) := testing.patched([
	{"op": "replace", "path": "/environment", "value": {"name": "production", "protected": true}},
	{"op": "replace", "path": "/scans/0/cached", "value": cached},
])

test_results_of_this_run_are_accepted_everywhere if {
	rule.satisfied with input as testing.patched([])
	rule.satisfied with input as in_production("no")
}

test_a_cache_of_this_machine_is_accepted_in_local_alone if {
	rule.satisfied with input as testing.replaced("/scans/0/cached", "local")
	testing.reasons(rule.refusals) == {"cache_untrusted"} with input as in_production("local")
	not rule.satisfied with input as in_production("local")
}

test_a_shared_cache_is_refused if {
	document := testing.replaced("/scans/0/cached", "shared")
	testing.reasons(rule.refusals) == {"cache_untrusted"} with input as document
	not rule.satisfied with input as document
}

test_a_scan_that_does_not_say_is_refused if {
	document := testing.patched([{"op": "remove", "path": "/scans/0/cached"}])
	testing.reasons(rule.refusals) == {"cache_untrusted"} with input as document
}

test_no_scan_proves_nothing if {
	not rule.satisfied with input as testing.replaced("/scans", [])
}
