package mintmark.gate_test

import data.mintmark.gate
import data.mintmark.lib.testing
import data.mintmark.rules

test_the_baseline_is_allowed if {
	gate.verdict.decision == "ALLOW" with input as testing.patched([])
}

test_every_rule_must_be_proven if {
	every id, _ in rules.proofs {
		id in gate.verdict.satisfied with input as testing.patched([])
	}
}

test_an_empty_input_is_undecided_and_nothing_of_it_is_proven_but_that_no_waiver_is_wrong if {
	verdict := gate.verdict with input as {}
	verdict.decision == "INCOMPLETE"
	verdict.satisfied == {"waiver.invalid"}
}

test_what_is_no_document_is_not_allowed if {
	every document in [null, true, 7, "ALLOW", []] {
		decision := object.get(gate, ["verdict", "decision"], "undefined") with input as document
		decision != "ALLOW"
	}
}

# The cases of tests/policies/corpus, which both engines are held against as well.
test_every_case_of_the_corpus_is_decided_as_it_says if {
	cases := [example | some topic in data.mintmark_test.corpus; some example in topic]
	count(cases) > 90
	every example in cases {
		verdict := gate.verdict with input as testing.patched(example.patch)
		verdict.decision == example.decision
		sort([entry.id | some entry in (verdict.violations | verdict.incomplete)]) == example.reasons
		count(verdict.waived) == example.waived
	}
}
