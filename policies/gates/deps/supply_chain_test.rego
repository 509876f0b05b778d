package mintmark.gates.deps.supply_chain_test

import data.mintmark.gates.deps.supply_chain as rule
import data.mintmark.lib.testing

found(changes) := testing.with_finding(8, object.union(
	{"category": "supply_chain", "severity": "high", "tool": "lock", "rule": "dep_unhashed", "package": "urllib3"},
	changes,
))

test_the_baseline_is_proven if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_each_attack_is_refused_by_its_own_reason if {
	every name in ["dep_confusion", "dep_unhashed", "dep_typosquat", "dep_direct_url", "dep_index", "dep_yanked_pin"] {
		testing.reasons(rule.refusals) == {name} with input as found({"rule": name})
		not rule.satisfied with input as found({"rule": name})
	}
	testing.reasons(rule.refusals) == {"dep_other"} with input as found({"rule": "anything"})
	testing.reasons(rule.refusals) == {"dep_other"} with input as found({"rule": "*"})
}

test_what_is_below_the_threshold_is_tolerated if {
	rule.satisfied with input as found({"severity": "medium"})
}

test_without_a_look_at_the_lock_nothing_is_proven if {
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/scans/8"}])
}
