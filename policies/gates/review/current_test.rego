package mintmark.gates.review.current_test

import data.mintmark.gates.review.current as rule
import data.mintmark.lib.releases
import data.mintmark.lib.testing

test_an_approval_of_this_release_is_current if {
	count(rule.refusals) == 0 with input as releases.sound
	count(rule.warnings) == 0 with input as releases.sound
	rule.satisfied with input as releases.sound
}

test_a_yes_that_was_taken_back_does_not_prove_that_what_there_is_holds if {
	no := {"verdict": "reject", "at_epoch": releases.sound.approvals[0].at_epoch + 1}
	not rule.satisfied with input as releases.approved_too(no)
}

test_where_nobody_approved_nothing_is_out_of_date if {
	rule.satisfied with input as releases.replaced("/approvals", [])
}

test_each_way_not_to_hold_has_its_reason_and_is_refused if {
	every wrong in [
		["approval_scope", "environment", "production"],
		["approval_scope", "repository", "https://example.com/fork.git"],
		["approval_stale", "commit", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"],
		["approval_stale", "sha256", "b"],
		["approval_future", "at_epoch", 1790000061],
		["approval_expired", "expires_epoch", 1790000000],
		["unsigned", "means", "file"],
	] {
		document := releases.replaced(sprintf("/approvals/0/%s", [wrong[1]]), wrong[2])
		testing.reasons(rule.refusals) == {wrong[0]} with input as document
		not rule.satisfied with input as document
	}
}

test_an_approval_that_lacks_anything_does_not_hold if {
	every field in ["environment", "repository", "commit", "sha256", "at_epoch", "expires_epoch", "means"] {
		document := releases.removed(sprintf("/approvals/0/%s", [field]))
		count(rule.refusals) == 1 with input as document
		not rule.satisfied with input as document
	}
}

test_who_may_no_longer_approve_does_not if {
	gone := releases.replaced("/people/1/groups/0/until_epoch", 1790000000)
	testing.reasons(rule.refusals) == {"approver_revoked"} with input as gone
	not rule.satisfied with input as gone
}

test_one_that_does_not_hold_beside_one_that_does_is_told if {
	beside := releases.approved_too({"person": "cleo", "sha256": "b"})
	count(rule.refusals) == 0 with input as beside
	testing.reasons(rule.warnings) == {"approval_stale"} with input as beside
	rule.satisfied with input as beside
}

test_one_for_another_environment_is_in_its_place_there if {
	beside := releases.approved_too({"person": "cleo", "environment": "production"})
	count(rule.warnings) == 0 with input as beside
	rule.satisfied with input as beside
}

test_without_a_subject_or_a_commit_or_a_source_nothing_is_approved if {
	every path in ["/subject", "/source/commit", "/source/uri"] {
		not rule.satisfied with input as releases.removed(path)
	}
}
