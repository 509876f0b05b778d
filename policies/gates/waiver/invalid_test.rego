package mintmark.gates.waiver.invalid_test

import data.mintmark.gates.waiver.invalid as rule
import data.mintmark.lib.testing

waiver := {
	"id": "W-1",
	"rule": "code.dangerous_finding",
	"fingerprint": testing.finding.fingerprint,
	"environment": "local",
	"reason": "The statement takes no input of a user.",
	"requested_by": "ana@example.com",
	"approved_by": ["ben@example.com"],
	"expires_epoch": 1790000001,
}

waived(changes) := json.patch(
	testing.with_finding(0, {}),
	[{"op": "add", "path": "/waivers/-", "value": object.union(waiver, changes)}],
)

test_a_sound_waiver_is_accepted if {
	count(rule.refusals) == 0 with input as waived({})
	rule.satisfied with input as waived({})
}

test_a_sound_waiver_that_ends_soon_is_warned_of if {
	testing.reasons(rule.warnings) == {"expires_soon"} with input as waived({})
	count(rule.warnings) == 0 with input as waived({"expires_epoch": 1790700000})
}

test_each_defect_has_its_reason if {
	every reason, changes in {
		"expired": {"expires_epoch": 1790000000},
		"scope": {"environment": "production"},
		"wildcard": {"fingerprint": "c1*"},
		"sod": {"approved_by": [" Ana@example.com "]},
	} {
		testing.reasons(rule.refusals) == {reason} with input as waived(changes)
	}
}

test_a_defective_waiver_is_not_proven_harmless if {
	every changes in [
		{"expires_epoch": 1790000000},
		{"environment": "production"},
		{"fingerprint": ""},
		{"requested_by": ""},
		{"approved_by": []},
	] {
		not rule.satisfied with input as waived(changes)
	}
}

test_a_waiver_for_another_finding_of_the_same_rule_is_out_of_scope if {
	testing.reasons(rule.refusals) == {"scope"} with input as waived({"fingerprint": "another"})
}

test_an_expired_waiver_that_nothing_leans_on_is_harmless if {
	expired := object.union(waiver, {"expires_epoch": 1})
	rule.satisfied with input as testing.replaced("/waivers", [expired])
}
