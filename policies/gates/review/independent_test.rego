package mintmark.gates.review.independent_test

import data.mintmark.gates.review.independent as rule
import data.mintmark.lib.releases
import data.mintmark.lib.testing

test_somebody_else_is_independent if {
	count(rule.refusals) == 0 with input as releases.sound
	count(rule.gaps) == 0 with input as releases.sound
	rule.satisfied with input as releases.sound
}

test_each_part_in_the_change_is_named if {
	every part in [
		["author", "/change/author", "ben"],
		["committer", "/change/committer", " Ben"],
		["co_author", "/change/co_authors", ["BEN"]],
		["requester", "/change/requester", "ben"],
		["contributor", "/change/contributors", ["ana", "ben "]],
		["bot", "/people/1/bot", true],
		["unknown", "/approvals/0/person", "gus"],
	] {
		document := releases.replaced(part[1], part[2])
		testing.reasons(rule.refusals) == {"sod"} with input as document
		{refusal.facts.role | some refusal in rule.refusals} == {part[0]} with input as document
		not rule.satisfied with input as document
	}
}

test_whoever_may_be_a_bot_or_nobody_is_refused if {
	every path in ["/people/1/bot", "/approvals/0/person", "/people/1"] {
		testing.reasons(rule.refusals) == {"sod"} with input as releases.removed(path)
		not rule.satisfied with input as releases.removed(path)
	}
}

test_without_its_makers_no_change_has_independent_approvers if {
	every path in [
		"/people/0",
		"/change",
		"/change/present",
		"/change/author",
		"/change/committer",
		"/change/requester",
		"/change/co_authors",
		"/change/contributors",
	] {
		testing.reasons(rule.gaps) == {"unknown_person"} with input as releases.removed(path)
		not rule.satisfied with input as releases.removed(path)
	}
}

test_an_approval_that_does_not_say_of_what_is_taken_to_be_of_this if {
	own := releases.approved_too({"person": "ana"})
	every field in ["sha256", "commit", "environment", "repository"] {
		document := json.patch(own, [{"op": "remove", "path": sprintf("/approvals/1/%s", [field])}])
		testing.reasons(rule.refusals) == {"sod"} with input as document
		other := json.patch(own, [{"op": "replace", "path": sprintf("/approvals/1/%s", [field]), "value": "another"}])
		count(rule.refusals) == 0 with input as other
		rule.satisfied with input as other
	}
}

test_local_asks_nothing if {
	count(rule.gaps) == 0 with input as testing.replaced("/change", {"present": false})
	rule.satisfied with input as testing.replaced("/change", {"present": false})
	rule.satisfied with input as testing.replaced("/change/author", "ben")
}
