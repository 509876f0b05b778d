package mintmark.gates.tests.passed_test

import data.mintmark.gates.tests.passed as rule
import data.mintmark.lib.testing

# The baseline with its tests required.
strict(changes) := json.patch(
	testing.replaced("/tests", [object.union(data.mintmark_test.baseline.tests[0], changes)]),
	[
		{"op": "replace", "path": "/environment", "value": {"name": "production", "protected": true}},
		{"op": "replace", "path": "/tests/0/producer", "value": {"id": "key", "origin": "ci"}},
	],
)

and_also(document, changes) := json.patch(document, [{
	"op": "add",
	"path": "/tests/-",
	"value": object.union(document.tests[0], changes),
}])

other_commit := "dddddddddddddddddddddddddddddddddddddddd"

test_a_pass_is_accepted if {
	count(rule.refusals) == 0 with input as strict({})
	count(rule.gaps) == 0 with input as strict({})
	count(rule.warnings) == 0 with input as strict({})
	rule.satisfied with input as strict({})
	rule.satisfied with input as testing.patched([])
}

test_what_is_no_pass_is_refused_by_its_reason if {
	every wrong in [
		["failed", {"result": "FAILED", "failed": 1}],
		["failed", {"result": "WARNED"}],
		["failed", {"result": "passed"}],
		["failed", {"failed": 1}],
		["empty", {"passed": 0}],
		["stale", {"finished_at": 1789913599}],
		["future", {"finished_at": 1790000061}],
		["other_commit", {"commit": other_commit}],
	] {
		testing.reasons(rule.refusals) == {wrong[0]} with input as strict(wrong[1])
		not rule.satisfied with input as strict(wrong[1])
	}
	rule.satisfied with input as strict({"finished_at": 1789913600})
	rule.satisfied with input as strict({"finished_at": 1790000060})
}

test_a_pass_of_an_origin_that_nobody_trusts_is_refused if {
	document := json.patch(strict({}), [{"op": "replace", "path": "/tests/0/producer/origin", "value": "local"}])
	testing.reasons(rule.refusals) == {"producer_mismatch"} with input as document
	not rule.satisfied with input as document
}

test_a_result_without_a_field_is_no_pass if {
	every field in ["suite", "result", "passed", "failed", "finished_at", "commit", "producer"] {
		document := json.patch(strict({}), [{"op": "remove", "path": sprintf("/tests/0/%s", [field])}])
		not rule.satisfied with input as document
	}
}

test_a_failure_that_leaves_a_field_out_is_still_one_where_nothing_is_required if {
	failed := testing.replaced("/tests/0/result", "FAILED")
	every field in ["suite", "passed", "failed", "finished_at", "commit", "producer"] {
		document := json.patch(failed, [{"op": "remove", "path": sprintf("/tests/0/%s", [field])}])
		testing.reasons(rule.refusals) == {"failed"} with input as document
		not rule.satisfied with input as document
	}
}

test_a_suite_without_a_result_is_undecided if {
	rule.gaps == {{"id": rule.id, "facts": {"reason": "missing", "suite": "florin"}}} with input as strict({"suite": "else"})
	not rule.satisfied with input as strict({"suite": "else"})
}

test_without_any_word_about_tests_nothing_is_proven if {
	document := testing.patched([{"op": "remove", "path": "/tests"}])
	testing.reasons(rule.gaps) == {"not_given"} with input as document
	not rule.satisfied with input as document
	rule.satisfied with input as testing.replaced("/tests", [])
}

test_the_newest_result_counts_and_an_older_failure_is_told if {
	before := and_also(strict({}), {"result": "FAILED", "failed": 2, "finished_at": 1789999899})
	rule.satisfied with input as before
	testing.reasons(rule.warnings) == {"superseded"} with input as before
	after := and_also(strict({}), {"result": "FAILED", "failed": 2, "finished_at": 1789999901})
	testing.reasons(rule.refusals) == {"failed"} with input as after
	not rule.satisfied with input as after
	together := and_also(strict({}), {"result": "FAILED", "failed": 2})
	testing.reasons(rule.refusals) == {"failed"} with input as together
}

test_a_pass_of_another_origin_hides_no_failure if {
	forged := {"producer": {"id": "key", "origin": "local"}, "result": "PASSED", "failed": 0, "finished_at": 1789999999}
	document := and_also(strict({"result": "FAILED", "failed": 1}), forged)
	testing.reasons(rule.refusals) == {"failed"} with input as document
}

test_results_of_other_commits_do_no_harm if {
	old := {"commit": other_commit, "result": "FAILED", "failed": 9, "finished_at": 1789999990}
	rule.satisfied with input as and_also(strict({}), old)
	count(rule.warnings) == 0 with input as and_also(strict({}), old)
}
