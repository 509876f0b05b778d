package mintmark.gates.scan.tool_configuration_test

import data.mintmark.gates.scan.tool_configuration as rule
import data.mintmark.lib.testing

test_a_configuration_file_is_refused if {
	document := testing.with_finding(3, {"category": "configuration"})
	testing.reasons(rule.refusals) == {"finding"} with input as document
	not rule.satisfied with input as document
}

test_a_silenced_dangerous_finding_is_refused if {
	document := testing.with_finding(0, {"suppressed_inline": true})
	testing.reasons(rule.refusals) == {"suppressed_new"} with input as document
	not rule.satisfied with input as document
}

test_who_silenced_it_and_when_is_told if {
	old := {"suppressed_inline": true, "new": false, "suppressed_by": {"author": "ana", "commit": "c0", "at_epoch": 7}}
	document := testing.with_finding(0, old)
	testing.reasons(rule.refusals) == {"suppressed"} with input as document
	{[entry.facts.author, entry.facts.commit] | some entry in rule.refusals} == {["ana", "c0"]} with input as document
	unknown := testing.with_finding(0, {"suppressed_inline": true, "suppressed_by": null})
	{entry.facts.author | some entry in rule.refusals} == {"somebody unknown"} with input as unknown
}

test_without_a_look_at_the_tree_nothing_is_proven if {
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/scans/9"}])
}

test_a_finding_that_does_not_say_whether_it_was_silenced_counts_as_silenced if {
	operation := {"op": "add", "path": "/scans/0/findings/-", "value": testing.without(testing.finding, "suppressed_inline")}
	testing.reasons(rule.refusals) == {"suppressed_new"} with input as testing.patched([operation])
}

test_a_silenced_harmless_finding_is_tolerated if {
	rule.satisfied with input as testing.with_finding(0, {"suppressed_inline": true, "severity": "low"})
}

test_the_baseline_is_proven if {
	rule.satisfied with input as testing.patched([])
}

test_an_empty_input_proves_nothing if {
	not rule.satisfied with input as {}
}
