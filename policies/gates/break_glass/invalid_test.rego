package mintmark.gates.break_glass.invalid_test

import data.mintmark.gates.break_glass.invalid as rule
import data.mintmark.lib.break_glass_test
import data.mintmark.lib.testing

test_none_is_proven_to_be_none if {
	count(rule.refusals) == 0 with input as testing.patched([])
	count(rule.warnings) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_a_sound_one_is_told if {
	count(rule.refusals) == 0 with input as break_glass_test.given({})
	testing.reasons(rule.warnings) == {"break_glass_used"} with input as break_glass_test.given({})
	rule.satisfied with input as break_glass_test.given({})
}

test_an_unsound_one_is_refused_by_what_is_wrong_with_it if {
	every reason, changes in {
		"no_reason": {"reason": ""},
		"scope": {"environment": "production"},
		"expired": {"expires_epoch": 1},
		"too_long": {"expires_epoch": 1800000000},
		"second_person": {"approved_by": []},
	} {
		testing.reasons(rule.refusals) == {reason} with input as break_glass_test.given(changes)
		count(rule.warnings) == 0 with input as break_glass_test.given(changes)
		not rule.satisfied with input as break_glass_test.given(changes)
	}
}

test_one_that_lacks_anything_is_refused if {
	fields := [
		"id",
		"environment",
		"sha256",
		"reason",
		"requested_by",
		"approved_by",
		"at_epoch",
		"expires_epoch",
	]
	every field in fields {
		path := sprintf("/break_glass/%s", [field])
		document := json.patch(break_glass_test.given({}), [{"op": "remove", "path": path}])
		count(rule.refusals) == 1 with input as document
		not rule.satisfied with input as document
	}
}

test_where_nothing_is_said_of_it_nothing_is_known if {
	silent := testing.patched([{"op": "remove", "path": "/break_glass"}])
	testing.reasons(rule.gaps) == {"missing"} with input as silent
	count(rule.refusals) == 0 with input as silent
	not rule.satisfied with input as silent
}
