package mintmark.gates.secrets.hardcoded_test

import data.mintmark.gates.secrets.hardcoded as rule
import data.mintmark.lib.testing

found := {"category": "secret", "severity": "critical"}

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
