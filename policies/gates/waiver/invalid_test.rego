package mintmark.gates.waiver.invalid_test

import data.mintmark.gates.waiver.invalid as rule
import data.mintmark.lib.break_glass_test
import data.mintmark.lib.testing
import data.mintmark.lib.waivers

waiver := {
	"id": "W-1",
	"rule": "code.dangerous_finding",
	"fingerprint": testing.finding.fingerprint,
	"environment": "local",
	"reason": "The statement takes no input of a user.",
	"requested_by": "ana@example.com",
	"approved_by": ["ben@example.com"],
	"requested_epoch": 1789990000,
	"expires_epoch": 1790000001,
	"means": "file",
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
	count(rule.warnings) == 0 with input as waived({"expires_epoch": 1790700000, "requested_epoch": 1789999999})
}

test_each_defect_has_its_reason if {
	every reason, changes in {
		"expired": {"expires_epoch": 1790000000},
		"scope": {"environment": "production"},
		"wildcard": {"fingerprint": "c1*"},
		"sod": {"approved_by": [" Ana@example.com "]},
		"future": {"requested_epoch": 1790000061},
		"too_long": {"requested_epoch": 1787408000},
		"unsigned": {"means": ""},
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
		{"status": "requested"},
		{"requested_epoch": 1790000061},
		{"requested_epoch": 1787408000},
		{"means": "somewhere"},
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

test_a_waiver_without_its_beginning_or_its_origin_is_refused if {
	without_request := json.patch(waived({}), [{"op": "remove", "path": "/waivers/0/requested_epoch"}])
	testing.reasons(rule.refusals) == {"future"} with input as without_request
	without_means := json.patch(waived({}), [{"op": "remove", "path": "/waivers/0/means"}])
	testing.reasons(rule.refusals) == {"unsigned"} with input as without_means
}

test_a_waiver_lasts_as_long_as_its_severity_allows_and_not_a_second_longer if {
	every severity, limit_s in data.mintmark.params.environments.local.waivers.max_s {
		lasting := [{"op": "replace", "path": "/scans/0/findings/1/severity", "value": severity}]
		just := json.patch(waived({"requested_epoch": 1790000001 - limit_s}), lasting)
		longer := json.patch(waived({"requested_epoch": 1790000000 - limit_s}), lasting)
		waivers.short_enough(just.waivers[0]) with input as just
		not waivers.short_enough(longer.waivers[0]) with input as longer
	}
}

test_a_finding_of_a_severity_that_nobody_knows_is_not_waived if {
	unheard := json.patch(waived({}), [{"op": "replace", "path": "/scans/0/findings/1/severity", "value": "odd"}])
	testing.reasons(rule.refusals) == {"too_long"} with input as unheard
}

test_no_waiver_lasts_as_short_as_one_for_a_secret if {
	every environment in data.mintmark.params.environments {
		every limit_s in environment.waivers.max_s {
			environment.waivers.max_category_s.secret <= limit_s
		}
	}
	secret := json.patch(
		waived({"rule": "secrets.hardcoded", "requested_epoch": 1789395200}),
		[
			{"op": "replace", "path": "/scans/0/findings/1/category", "value": "secret"},
			{"op": "replace", "path": "/scans/0/findings/1/severity", "value": "low"},
		],
	)
	testing.reasons(rule.refusals) == {"too_long"} with input as secret
	other := json.patch(secret, [{"op": "replace", "path": "/waivers/0/requested_epoch", "value": 1789395201}])
	count(rule.refusals) == 0 with input as other
}

protected(changes) := json.patch(
	waived(object.union(
		{"environment": "production", "means": "record", "requested_by": "ana", "approved_by": ["ben"]},
		changes,
	)),
	[{"op": "replace", "path": "/environment", "value": {"name": "production", "protected": true}}],
)

test_a_protected_environment_knows_who_asks_and_who_approves if {
	count(rule.refusals) == 0 with input as protected({})
	rule.satisfied with input as protected({})
	every changes in [
		{"requested_by": "ana@example.com"},
		{"approved_by": ["gus"]},
		{"approved_by": ["unknown"]},
		{"approved_by": ["dag"]},
		{"approved_by": ["ana", "gus"]},
	] {
		testing.reasons(rule.refusals) == {"approver"} with input as protected(changes)
		not rule.satisfied with input as protected(changes)
	}
	bot := json.patch(protected({}), [{"op": "replace", "path": "/people/1/bot", "value": true}])
	testing.reasons(rule.refusals) == {"approver"} with input as bot
}

test_a_protected_environment_takes_no_waiver_that_is_only_a_file if {
	testing.reasons(rule.refusals) == {"unsigned"} with input as protected({"means": "file"})
}

test_what_is_wrong_with_a_waiver_that_nothing_leans_on_does_no_harm if {
	every changes in [{"requested_epoch": 1790000061}, {"means": ""}, {"environment": "production"}] {
		document := testing.replaced("/waivers", [object.union(waiver, changes)])
		count(rule.refusals) == 0 with input as document
		rule.satisfied with input as document
	}
}

# Where a sound break-glass lets the finding through, neither a waiver that ended nor one for another finding stands in
# its way; what is wrong with a waiver wherever it lies is refused all the same.
test_a_break_glass_is_not_stopped_by_a_waiver_that_does_not_count if {
	every changes in [{"expires_epoch": 1790000000}, {"fingerprint": "f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0"}] {
		count(rule.refusals) == 1 with input as waived(changes)
		count(rule.refusals) == 0 with input as json.patch(waived(changes), [emergency])
		rule.satisfied with input as json.patch(waived(changes), [emergency])
	}
	testing.reasons(rule.refusals) == {"sod"} with input as json.patch(waived({"approved_by": []}), [emergency])
}

emergency := {"op": "replace", "path": "/break_glass", "value": break_glass_test.given({}).break_glass}
