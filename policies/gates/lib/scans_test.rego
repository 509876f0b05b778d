package mintmark.lib.scans_test

import data.mintmark.lib.scans
import data.mintmark.lib.testing

skipped := {"tool": "checkov", "status": "skipped", "present": 0, "given": 0, "means": "run"}

test_a_scan_is_absent_only_where_our_run_found_nothing_of_its_kind if {
	scans.absent(skipped) with input as testing.patched([])
	every changes in [
		{"status": "complete"},
		{"status": "failed"},
		{"present": 1},
		{"given": 1},
		{"means": "import"},
	] {
		not scans.absent(object.union(skipped, changes)) with input as testing.patched([])
	}
	every field in ["status", "present", "given", "means"] {
		not scans.absent(testing.without(skipped, field)) with input as testing.patched([])
	}
}

test_a_report_of_another_run_counts_only_where_its_tool_is_listed if {
	scans.counts({"tool": "bandit", "means": "run"}) with input as testing.patched([])
	not scans.counts({"tool": "bandit", "means": "import"}) with input as testing.patched([])
	not scans.counts({"tool": "bandit"}) with input as testing.patched([])
	scans.counts({"tool": "trivy", "means": "import"}) with input as testing.patched([])
		with data.mintmark.params.environments.local.imported_tools as ["trivy"]
}
