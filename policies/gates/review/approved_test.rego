package mintmark.gates.review.approved_test

import data.mintmark.gates.review.approved as rule
import data.mintmark.lib.releases
import data.mintmark.lib.testing

test_one_who_may_is_enough if {
	count(rule.gaps) == 0 with input as releases.sound
	count(rule.refusals) == 0 with input as releases.sound
	rule.satisfied with input as releases.sound
}

test_nobody_is_not if {
	document := releases.replaced("/approvals", [])
	testing.reasons(rule.gaps) == {"awaiting_approval"} with input as document
	every gap in rule.gaps {
		gap.facts.pending
	} with input as document
	not rule.satisfied with input as document
}

test_local_asks_nobody if {
	rule.satisfied with input as testing.replaced("/approvals", [])
}

two_are_asked_for := {"rehearsal": object.union(
	data.mintmark.params.environments.rehearsal,
	{"approvals": {"count": 2}},
)}

test_one_person_under_two_names_is_one_person if {
	every name in ["ben", " Ben", "BEN "] {
		not rule.satisfied with input as releases.approved_too({"person": name})
			with data.mintmark.params.environments as two_are_asked_for
	}
	rule.satisfied with input as releases.approved_too({"person": "cleo"})
		with data.mintmark.params.environments as two_are_asked_for
}

test_an_approval_that_lacks_anything_it_is_counted_by_is_not_counted if {
	every field in ["person", "verdict", "environment", "repository"] {
		document := releases.removed(sprintf("/approvals/0/%s", [field]))
		not rule.satisfied with input as document
		count(rule.gaps) == 1 with input as document
	}
}

test_a_word_that_is_neither_yes_nor_no_is_no if {
	testing.reasons(rule.refusals) == {"rejected"} with input as releases.approved_too({"verdict": "perhaps"})
	not rule.satisfied with input as releases.approved_too({"verdict": "perhaps"})
}

test_an_approval_without_a_time_takes_nothing_back if {
	rejected := releases.approved_too({"verdict": "reject", "at_epoch": 1789990000})
	rule.satisfied with input as rejected
	timeless := json.patch(rejected, [{"op": "remove", "path": "/approvals/0/at_epoch"}])
	not rule.satisfied with input as timeless
}

test_a_no_stands_of_whoever_may_decide_now_or_might_when_it_was_said if {
	said := {"person": "cleo", "verdict": "reject"}
	every membership in [
		{"from_epoch": 1789999951, "until_epoch": 1900000000},
		{"from_epoch": 1700000000, "until_epoch": 1789999951},
	] {
		changes := [{"op": "add", "path": sprintf("/people/2/groups/0/%s", [field]), "value": epoch} |
			some field, epoch in membership
		]
		document := json.patch(releases.approved_too(said), changes)
		testing.reasons(rule.refusals) == {"rejected"} with input as document
	}
}

test_a_yes_gains_no_weight_from_a_later_membership if {
	joined := releases.replaced("/people/1/groups/0/from_epoch", 1789999951)
	testing.reasons(rule.gaps) == {"awaiting_approval"} with input as joined
	not rule.satisfied with input as joined
	rule.satisfied with input as releases.replaced("/people/1/groups/0/from_epoch", 1789999950)
}
