package mintmark.meta.metadata_test

import data.mintmark.meta.metadata

annotations := {
	"scope": "package",
	"title": "Builder is trusted",
	"description": "The provenance names a trusted builder.",
	"custom": {
		"id": "provenance.builder",
		"severity": "high",
		"controls": ["MM-BLD-01"],
		"waivable": false,
		"bypassable": false,
		"message": "built by {{ builder }}",
		"why": "Anybody can build.",
		"accepted": "A listed builder.",
		"remedy": "Build in the pipeline.",
	},
}

inspected(annotated) := {
	"controls": ["MM-BLD-01"],
	"inspect": {
		"namespaces": {"data.mintmark.gates.provenance.builder": ["builder.rego"], "data.mintmark.lib.x": ["x.rego"]},
		"annotations": [{
			"annotations": annotated,
			"path": [{"value": part} | some part in ["data", "mintmark", "gates", "provenance", "builder"]],
		}],
	},
}

changed(key, value) := inspected(object.union(annotations, {"custom": {key: value}}))

test_a_complete_rule_is_accepted if {
	metadata.valid with input as inspected(annotations)
}

test_a_rule_without_a_field_is_refused if {
	every key in ["id", "severity", "controls", "waivable", "bypassable", "message", "why", "accepted", "remedy"] {
		document := inspected(json.remove(annotations, [sprintf("custom/%s", [key])]))
		not metadata.valid with input as document
		count(metadata.refusals) > 0 with input as document
	}
}

test_a_rule_without_a_title_is_refused if {
	document := inspected(object.remove(annotations, ["title"]))
	not metadata.valid with input as document
	{"package": "data.mintmark.gates.provenance.builder", "reason": "missing", "field": "title"} in metadata.refusals with input as document
}

test_a_rule_without_metadata_is_refused if {
	document := json.patch(inspected(annotations), [{"op": "replace", "path": "/inspect/annotations", "value": []}])
	not metadata.valid with input as document
	{"package": "data.mintmark.gates.provenance.builder", "reason": "no_metadata"} in metadata.refusals with input as document
}

test_an_unknown_control_is_refused if {
	document := changed("controls", ["MM-XXX-99"])
	not metadata.valid with input as document
	"unknown_control" in {refusal.reason | some refusal in metadata.refusals} with input as document
}

test_an_id_other_than_the_package_is_refused if {
	not metadata.valid with input as changed("id", "provenance.other")
}

test_an_unknown_severity_is_refused if {
	not metadata.valid with input as changed("severity", "urgent")
}

test_no_rule_at_all_is_refused if {
	not metadata.valid with input as {"controls": [], "inspect": {"namespaces": {}, "annotations": []}}
}
