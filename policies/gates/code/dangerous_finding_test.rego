package mintmark.gates.code.dangerous_finding_test

import data.mintmark.gates.code.dangerous_finding as rule
import data.mintmark.lib.testing

found := {"category": "code", "severity": "critical"}

test_a_critical_finding_is_refused_and_not_proven if {
	count(rule.refusals) == 1 with input as testing.with_finding(0, found)
	not rule.satisfied with input as testing.with_finding(0, found)
}

test_the_baseline_is_proven if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_an_informational_finding_is_tolerated if {
	rule.satisfied with input as testing.with_finding(0, object.union(found, {"severity": "info"}))
}

test_a_severity_that_nobody_knows_is_the_worst if {
	count(rule.refusals) == 1 with input as testing.with_finding(0, object.union(found, {"severity": "none"}))
}

test_a_finding_of_another_topic_is_not_ours if {
	count(rule.refusals) == 0 with input as testing.with_finding(0, object.union(found, {"category": "iac"}))
}

test_an_empty_input_proves_nothing if {
	not rule.satisfied with input as {}
}

test_what_the_last_allowed_release_had_may_have_another_threshold if {
	medium := {"category": "code", "severity": "medium"}
	count(rule.refusals) == 1 with input as testing.with_finding(0, object.union(medium, {"new": true}))
	count(rule.refusals) == 1 with input as testing.with_finding(0, medium)
	rule.satisfied with input as testing.with_finding(0, object.union(medium, {"new": false}))
	high := testing.with_finding(0, {"category": "code", "severity": "high", "new": false})
	{[entry.facts.threshold, entry.facts.new] | some entry in rule.refusals} == {["high", false]} with input as high
}

test_a_finding_about_nothing_known_is_refused_whatever_it_says_of_itself if {
	document := testing.with_finding(0, {"category": "weather", "severity": "info", "new": false})
	count(rule.refusals) == 1 with input as document
	not rule.satisfied with input as document
}

test_an_analyser_that_had_nothing_to_read_looked if {
	absent := {"status": "skipped", "present": 0, "given": 0, "rules": 0}
	found := [object.union(scan, absent) | some scan in data.mintmark_test.baseline.scans]
	rule.satisfied with input as testing.replaced("/scans", found)
	blind := [object.union(scan, {"rules": 0}) | some scan in data.mintmark_test.baseline.scans]
	not rule.satisfied with input as testing.replaced("/scans", blind)
	half := json.patch(testing.replaced("/scans", found), [{"op": "replace", "path": "/scans/0/status", "value": "failed"}])
	not rule.satisfied with input as half
}
