package mintmark.gates.provenance.origin_test

import data.mintmark.gates.provenance.origin as rule
import data.mintmark.lib.testing

production(origin) := testing.patched([
	{"op": "replace", "path": "/environment", "value": {"name": "production", "protected": true}},
	{"op": "replace", "path": "/provenance/builder", "value": "https://mintmark.dev/builders/ci"},
	{"op": "replace", "path": "/provenance/origin", "value": origin},
])

test_local_evidence_is_accepted_in_local if {
	rule.satisfied with input as testing.patched([])
}

test_a_pipeline_is_accepted_in_production if {
	rule.satisfied with input as production("ci")
}

test_local_evidence_is_refused_in_production if {
	testing.reasons(rule.refusals) == {"origin"} with input as production("local")
	not rule.satisfied with input as production("local")
}

test_no_list_makes_local_evidence_acceptable_in_production if {
	lists := {"production": object.union(
		data.mintmark.params.environments.production,
		{"trusted_origins": ["ci", "local"]},
	)}
	not rule.satisfied with input as production("local") with data.mintmark.params.environments as lists
}

test_a_scan_of_local_origin_is_refused_in_production if {
	document := json.patch(production("ci"), [{"op": "add", "path": "/scans/0/origin", "value": "local"}])
	testing.reasons(rule.refusals) == {"origin"} with input as document
	not rule.satisfied with input as document
}

test_an_unknown_builder_is_refused if {
	document := testing.replaced("/provenance/builder", "somebody")
	testing.reasons(rule.refusals) == {"untrusted_builder"} with input as document
	not rule.satisfied with input as document
}

test_without_provenance_nothing_is_proven if {
	testing.reasons(rule.gaps) == {"missing"} with input as testing.patched([{"op": "remove", "path": "/provenance"}])
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/provenance"}])
}
