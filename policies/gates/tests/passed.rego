# METADATA
# title: The required tests passed
# description: >-
#   A suite that the environment requires and whose newest result for this commit is not a pass is refused, as is any
#   known failure of this commit; without a result the release stays undecided.
# custom:
#   id: tests.passed
#   severity: high
#   controls: [MM-TST-01]
#   waivable: false
#   bypassable: true
#   message: >-
#     {% if reason == "not_given" %}nothing says which tests were run{% elif reason == "missing" %}there is no result of the tests {{ suite }}{% elif reason == "failed" %}the tests {{ suite }} are {{ result }}: {{ failed }} failed and {{ passed }} passed{% elif reason == "empty" %}the tests {{ suite }} passed without running one{% elif reason == "stale" %}the result of the tests {{ suite }} is {{ age_s }} s old, and {{ max_age_s }} s are allowed{% elif reason == "future" %}the result of the tests {{ suite }} says that it is from {{ ahead_s }} s after the moment of this decision{% elif reason == "other_commit" %}the results of the tests {{ suite }} are of other commits than {{ expected }}{% elif reason == "superseded" %}the tests {{ suite }} failed on this commit before they passed{% else %}the result of the tests {{ suite }} is of origin {{ origin }}, which {{ environment }} does not trust{% endif %}
#   why: What was not tried on this very commit is not known to work, and a pass that anybody may write proves nothing.
#   accepted: For each required suite a newest result of this commit that is PASSED, with at least one test and no failure, from a trusted origin, within the age that the environment allows.
#   remedy: Run the tests in the pipeline on the commit that is to be released, and mend what fails.
package mintmark.gates.tests.passed

import data.mintmark.lib.evidence
import data.mintmark.lib.origins
import data.mintmark.lib.parameters

id := "tests.passed"

gaps contains {"id": id, "facts": {"reason": "not_given"}} if evidence.tests == null

gaps contains {"id": id, "facts": {"reason": "missing", "suite": suite}} if {
	some suite in parameters.required_tests
	count(of_suite(suite)) == 0
}

refusals contains refusal({"reason": "other_commit", "suite": suite, "expected": evidence.commit}) if {
	some suite in parameters.required_tests
	count(of_suite(suite)) > 0
	count([1 | some result in of_suite(suite); of_this_commit(result)]) == 0
}

refusals contains refusal(facts) if {
	some suite in parameters.required_tests
	count([1 | some result in trusted; suite_of(result) == suite]) == 0
	some result in of_suite(suite)
	of_this_commit(result)
	not origins.accepted(origins.of(result))
	facts := {
		"reason": "producer_mismatch",
		"suite": suite,
		"origin": origins.of(result),
		"environment": evidence.environment,
	}
}

# Wherever it is known, a failure counts: what was tried and failed is worse than what was not tried.
refusals contains refusal(object.union(facts_of(result), {"reason": "failed"})) if {
	some result in newest
	not clean(result)
}

refusals contains refusal(object.union(facts_of(result), {"reason": "empty"})) if {
	some result in newest
	suite_of(result) in parameters.required_tests
	not passed(result) > 0
}

refusals contains refusal(facts) if {
	some result in newest
	suite_of(result) in parameters.required_tests
	age(result) > parameters.settings.max_scan_age_s
	facts := object.union(facts_of(result), {
		"reason": "stale",
		"age_s": age(result),
		"max_age_s": parameters.settings.max_scan_age_s,
	})
}

# A result from the future would supersede every other.
refusals contains refusal(facts) if {
	some result in trusted
	ahead := 0 - age(result)
	ahead > parameters.clock_skew_s
	facts := object.union(facts_of(result), {"reason": "future", "ahead_s": ahead})
}

warnings contains {"id": id, "facts": object.union(facts_of(result), {"reason": "superseded"})} if {
	some result in trusted
	finished(result) < latest[suite_of(result)]
	not clean(result)
}

default satisfied := false

satisfied if {
	evidence.tests != null
	every suite in parameters.required_tests {
		proven(suite)
	}
	every result in newest {
		clean(result)
	}
	every result in trusted {
		age(result) >= 0 - parameters.clock_skew_s
	}
}

proven(suite) if {
	some result in newest
	suite_of(result) == suite
	passed(result) > 0
	age(result) <= parameters.settings.max_scan_age_s
}

presented := [result | some result in evidence.tests]

# What counts: results of this commit, from where we believe them. One that says neither commit nor origin may be such a
# one, and is never clean.
trusted := [result |
	some result in presented
	object.get(result, "commit", null) in {null, evidence.commit}
	believed(origins.of(result))
]

believed(origin) if origin in {null, "unknown"}

believed(origin) if origins.accepted(origin)

suites := {suite_of(result) | some result in trusted}

latest := {suite: moment |
	some suite in suites
	moment := max([finished(result) | some result in trusted; suite_of(result) == suite])
}

# More than one, where two ended in the same second.
newest := [result |
	some result in trusted
	finished(result) == latest[suite_of(result)]
]

clean(result) if {
	object.get(result, "result", "FAILED") == "PASSED"
	object.get(result, "failed", 1) == 0
	object.get(result, "finished_at", 0) > 0
	of_this_commit(result)
	origins.accepted(origins.of(result))
}

of_suite(suite) := [result |
	some result in presented
	suite_of(result) == suite
]

of_this_commit(result) if object.get(result, "commit", "") == evidence.commit

suite_of(result) := object.get(result, "suite", "without a name")

passed(result) := object.get(result, "passed", 0)

# Without a time it counts as the newest.
finished(result) := object.get(result, "finished_at", evidence.as_of)

age(result) := evidence.as_of - finished(result)

refusal(facts) := {"id": id, "fingerprint": "", "facts": facts}

facts_of(result) := {
	"suite": suite_of(result),
	"result": object.get(result, "result", "without a result"),
	"passed": passed(result),
	"failed": object.get(result, "failed", "unknown"),
}
