package mintmark.gates.provenance.matches_test

import data.mintmark.gates.provenance.matches as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	rule.satisfied with input as testing.patched([])
}

test_another_artefact_is_refused if {
	document := testing.replaced("/provenance/subject_sha256", "another")
	testing.reasons(rule.refusals) == {"subject_mismatch"} with input as document
	not rule.satisfied with input as document
}

test_another_commit_is_refused if {
	document := testing.replaced("/provenance/commit", "another")
	testing.reasons(rule.refusals) == {"commit_mismatch"} with input as document
	not rule.satisfied with input as document
}

test_without_provenance_nothing_is_proven if {
	testing.reasons(rule.gaps) == {"missing"} with input as testing.patched([{"op": "remove", "path": "/provenance"}])
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/provenance"}])
}
