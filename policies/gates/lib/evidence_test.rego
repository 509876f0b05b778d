package mintmark.lib.evidence_test

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.testing

test_what_is_missing_reads_as_nothing_that_proves_anything if {
	evidence.as_of_date == "" with input as {}
	evidence.source_uri == "" with input as {}
	evidence.tests == null with input as {}
	evidence.open_reviews == null with input as {}
	evidence.change == {} with input as {}
	evidence.approvals == [] with input as {}
	evidence.people == [] with input as {}
	evidence.promotions == [] with input as {}
	evidence.clocks == [] with input as {}
	evidence.coverage == [] with input as {}
	evidence.break_glass == {} with input as {}
}

test_an_old_finding_has_the_threshold_of_old_ones if {
	parameters.known_threshold("code") == "high" with input as testing.patched([])
	parameters.known_threshold("unheard of") == "info" with input as testing.patched([])
}
