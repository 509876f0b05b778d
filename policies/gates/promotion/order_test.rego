package mintmark.gates.promotion.order_test

import data.mintmark.gates.promotion.order as rule
import data.mintmark.lib.releases
import data.mintmark.lib.testing

test_what_was_in_staging_may_go_on if {
	count(rule.refusals) == 0 with input as releases.sound
	rule.satisfied with input as releases.sound
}

test_what_was_not_may_not if {
	every document in [
		releases.replaced("/promotions", []),
		releases.replaced("/promotions/0/sha256", "b"),
		releases.replaced("/promotions/0/environment", "local"),
		releases.replaced("/promotions/0/deployed_epoch", 1790000061),
		releases.removed("/promotions"),
		releases.removed("/promotions/0/sha256"),
		releases.removed("/promotions/0/environment"),
		releases.removed("/promotions/0/deployed_epoch"),
	] {
		testing.reasons(rule.refusals) == {"not_promoted"} with input as document
		not rule.satisfied with input as document
	}
}

test_each_environment_before_counts if {
	environments := {"rehearsal": {"promoted_from": ["staging", "qa"]}}
	{refusal.facts.before | some refusal in rule.refusals} == {"qa"} with input as releases.sound
		with data.mintmark.params.environments as environments
}

test_nothing_comes_before_local if {
	rule.satisfied with input as testing.patched([])
}

test_an_environment_that_nobody_listed_comes_after_one_that_is_not_there if {
	testing.reasons(rule.refusals) == {"not_promoted"} with input as releases.replaced("/environment/name", "qa")
}

test_without_a_subject_nothing_was_anywhere if {
	testing.reasons(rule.gaps) == {"no_subject"} with input as testing.patched([{"op": "remove", "path": "/subject"}])
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/subject"}])
}
