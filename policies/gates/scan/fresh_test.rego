package mintmark.gates.scan.fresh_test

import data.mintmark.gates.scan.fresh as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_each_impossible_time_is_named if {
	stale := testing.patched([
		{"op": "replace", "path": "/scans/0/started_at", "value": 1},
		{"op": "replace", "path": "/scans/0/finished_at", "value": 2},
	])
	future := testing.replaced("/scans/0/finished_at", 1790000061)
	order := testing.replaced("/scans/0/started_at", 1789999999)
	testing.reasons(rule.refusals) == {"stale"} with input as stale
	testing.reasons(rule.refusals) == {"future"} with input as future
	testing.reasons(rule.refusals) == {"order"} with input as order
	not rule.satisfied with input as stale
	not rule.satisfied with input as future
	not rule.satisfied with input as order
}

test_the_oldest_and_the_newest_scan_that_count_do_so_to_the_second if {
	aged := [
		{"op": "replace", "path": "/scans/0/started_at", "value": 1},
		{"op": "replace", "path": "/scans/0/finished_at", "value": 1789913600},
	]
	rule.satisfied with input as testing.patched(aged)
	older := testing.patched(array.concat(aged, [{"op": "replace", "path": "/scans/0/finished_at", "value": 1789913599}]))
	testing.reasons(rule.refusals) == {"stale"} with input as older
	rule.satisfied with input as testing.replaced("/scans/0/finished_at", 1790000060)
}

test_a_scan_without_times_is_refused if {
	testing.reasons(rule.refusals) == {"stale", "order"} with input as testing.replaced("/scans", [{}])
	not rule.satisfied with input as testing.replaced("/scans", [{}])
}

test_no_scan_proves_nothing if {
	not rule.satisfied with input as testing.replaced("/scans", [])
}
