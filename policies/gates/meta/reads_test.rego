package mintmark.meta.reads_test

import data.mintmark.meta.reads

input_path := {"type": "ref", "value": [{"type": "var", "value": "input"}, {"type": "string", "value": "scans"}]}

input_whole := {"type": "ref", "value": [{"type": "var", "value": "input"}]}

module(term) := {"rules": [{"body": [{"terms": [term]}]}]}

test_a_rule_that_reads_the_input_itself_is_refused if {
	document := {"modules": {"scan/fresh.rego": module(input_whole)}}
	not reads.valid with input as document
	reads.refusals == {{"path": "scan/fresh.rego", "reason": "reads_input"}} with input as document
}

test_the_reader_may_read_with_a_default if {
	reads.valid with input as {"modules": {"lib/evidence.rego": module(input_whole)}}
}

test_even_the_reader_may_not_read_without_a_default if {
	document := {"modules": {"lib/evidence.rego": module(input_path)}}
	not reads.valid with input as document
	reads.refusals == {{"path": "lib/evidence.rego", "reason": "reads_without_default"}} with input as document
}

test_no_module_at_all_is_refused if {
	not reads.valid with input as {"modules": {}}
}
