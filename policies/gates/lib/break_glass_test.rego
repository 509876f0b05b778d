package mintmark.lib.break_glass_test

import data.mintmark.gate
import data.mintmark.lib.break_glass
import data.mintmark.lib.testing

sound := {
	"present": true,
	"id": "BG-1",
	"environment": "local",
	"sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"reason": "Payments stand still.",
	"requested_by": "ben",
	"approved_by": ["cleo", "dag"],
	"at_epoch": 1789999990,
	"expires_epoch": 1790003590,
	"origin": "local",
}

given(changes) := testing.replaced("/break_glass", object.union(sound, changes))

test_two_people_of_the_group_let_it_through if {
	break_glass.sound with input as given({})
	break_glass.lets_through("code.dangerous_finding") with input as given({})
	not break_glass.lets_through("provenance.matches") with input as given({})
}

test_each_thing_that_is_wrong_is_named if {
	every wrong in [
		["no_reason", {"reason": " "}],
		["scope", {"environment": "production"}],
		["scope", {"sha256": "b"}],
		["scope", {"id": ""}],
		["expired", {"expires_epoch": 1790000000}],
		["expired", {"at_epoch": 1790000061}],
		["too_long", {"expires_epoch": 1790014391}],
		["second_person", {"approved_by": ["cleo", "Cleo"]}],
		["second_person", {"approved_by": ["cleo", "ben"]}],
		["second_person", {"requested_by": "dag"}],
		["second_person", {"requested_by": "unknown"}],
	] {
		break_glass.problem == wrong[0] with input as given(wrong[1])
		not break_glass.sound with input as given(wrong[1])
	}
}

test_who_wrote_the_change_is_no_second_person if {
	written := json.patch(given({}), [{"op": "replace", "path": "/change/co_authors", "value": ["Dag"]}])
	break_glass.problem == "second_person" with input as written
}

test_none_is_not_sound if not break_glass.sound with input as testing.patched([])

test_a_violation_and_a_gap_of_rules_that_may_be_bypassed_are_told_and_let_through if {
	stale := [
		{"op": "add", "path": "/break_glass", "value": sound},
		{"op": "replace", "path": "/scans/0/findings/0/severity", "value": "critical"},
		{"op": "remove", "path": "/scans/2/data"},
	]
	verdict := gate.verdict with input as testing.patched(stale)
	verdict.decision == "ALLOW"
	{entry.id | some entry in verdict.bypassed} == {"advisories.source", "code.dangerous_finding"}
	{entry.break_glass | some entry in verdict.bypassed} == {"BG-1"}
}
