package mintmark.gates.scan.tool_version_test

import data.mintmark.gates.scan.tool_version as rule
import data.mintmark.lib.testing

test_the_baseline_is_proven if {
	count(rule.gaps) == 0 with input as testing.patched([])
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_an_older_scanner_is_refused if {
	document := testing.replaced("/scans/0/tool_version", "0.0.1")
	testing.reasons(rule.refusals) == {"tool_version"} with input as document
	not rule.satisfied with input as document
}

test_other_rules_than_ours_are_refused if {
	document := testing.replaced("/scans/3/rules_digest", "sha256:other")
	testing.reasons(rule.refusals) == {"rules_digest"} with input as document
	not rule.satisfied with input as document
}

test_a_scanner_that_nobody_pinned_is_refused if {
	document := testing.replaced("/scans/0/tool", "grep")
	{[entry.facts.reason, entry.facts.expected] | some entry in rule.refusals} == {["tool_version", []]} with input as document
	not rule.satisfied with input as document
}

test_without_pins_nothing_is_proven if {
	testing.reasons(rule.refusals) == {"tool_version"} with input as testing.patched([]) with data.mintmark.params.scanners as null
	not rule.satisfied with input as testing.patched([]) with data.mintmark.params.scanners as null
}

test_a_scan_that_does_not_say_its_version_is_undecided if {
	every version in ["", "unknown"] {
		document := testing.replaced("/scans/0/tool_version", version)
		testing.reasons(rule.gaps) == {"unknown_version"} with input as document
		count(rule.refusals) == 0 with input as document
		not rule.satisfied with input as document
	}
}

test_the_version_of_a_report_from_elsewhere_is_not_ours_to_pin_where_it_is_listed if {
	elsewhere := object.union(data.mintmark_test.baseline.scans[0], {
		"tool": "trivy",
		"tool_version": "0.1",
		"means": "import",
	})
	document := testing.patched([{"op": "add", "path": "/scans/-", "value": elsewhere}])
	testing.reasons(rule.refusals) == {"tool_version"} with input as document
	rule.satisfied with input as document with data.mintmark.params.environments.local.imported_tools as ["trivy"]
}

test_no_scan_proves_nothing if {
	not rule.satisfied with input as testing.replaced("/scans", [])
}
