package mintmark.gates.break_glass.reviewed_test

import data.mintmark.gates.break_glass.reviewed as rule
import data.mintmark.lib.testing

open(changes) := testing.replaced("/open_reviews", [object.union(
	{"id": "R-1", "environment": "local", "opened_epoch": 1789740800, "due_epoch": 1790000000},
	changes,
)])

test_without_open_reviews_it_is_proven if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_a_review_may_be_open_until_it_is_due if {
	rule.satisfied with input as open({})
	testing.reasons(rule.refusals) == {"review_overdue"} with input as open({"due_epoch": 1789999999})
	not rule.satisfied with input as open({"due_epoch": 1789999999})
}

test_no_review_gives_itself_longer_than_the_policy if {
	ten_years := {"due_epoch": 2105360000}
	rule.satisfied with input as open(ten_years)
	every opened in [0, 1789740799, 1790000061] {
		document := open(object.union(ten_years, {"opened_epoch": opened}))
		testing.reasons(rule.refusals) == {"review_overdue"} with input as document
		not rule.satisfied with input as document
	}
}

test_a_late_review_holds_up_its_own_environment if {
	rule.satisfied with input as open({"due_epoch": 1, "environment": "production"})
}

test_a_review_that_lacks_anything_is_late_and_concerns_everybody if {
	testing.reasons(rule.refusals) == {"review_overdue"} with input as testing.replaced("/open_reviews", [{}])
	not rule.satisfied with input as testing.replaced("/open_reviews", [{}])
}

test_without_the_list_nothing_is_known if {
	silent := testing.patched([{"op": "remove", "path": "/open_reviews"}])
	testing.reasons(rule.gaps) == {"missing"} with input as silent
	not rule.satisfied with input as silent
}
