package mintmark.gates.sbom.matches_test

import data.mintmark.gates.sbom.matches as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	rule.satisfied with input as testing.patched([])
}

test_each_defect_is_named if {
	every path, expected in {
		"/sbom/subject_sha256": {"value": "another", "reason": "subject_mismatch"},
		"/sbom/format": {"value": "SPDX", "reason": "format"},
		"/sbom/spec_version": {"value": "0.9", "reason": "format"},
		"/sbom/components": {"value": 0, "reason": "empty"},
		"/sbom/lock_digest": {"value": "", "reason": "lock_digest"},
	} {
		testing.reasons(rule.refusals) == {expected.reason} with input as testing.replaced(path, expected.value)
		not rule.satisfied with input as testing.replaced(path, expected.value)
	}
}

test_two_empty_digests_do_not_match if {
	document := testing.patched([
		{"op": "replace", "path": "/sbom/subject_sha256", "value": ""},
		{"op": "replace", "path": "/subject/digest/sha256", "value": ""},
	])
	testing.reasons(rule.refusals) == {"subject_mismatch"} with input as document
}

test_without_an_sbom_nothing_is_proven if {
	testing.reasons(rule.gaps) == {"missing"} with input as testing.patched([{"op": "remove", "path": "/sbom"}])
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/sbom"}])
}
