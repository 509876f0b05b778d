# A rule about rules: each rule package says what it is for, and for which control.
#
# input.inspect is what `opa inspect -a -f json` says of the sources, input.controls the ids of the control catalogue.
package mintmark.meta.metadata

severities := {"critical", "high", "medium", "low"}

required_booleans := {"waivable", "bypassable"}

required_texts := {"message", "why", "accepted", "remedy"}

rule_packages contains name if {
	some name, _ in input.inspect.namespaces
	startswith(name, "data.mintmark.gates.")
}

annotations[name] := annotation.annotations if {
	some annotation in input.inspect.annotations
	annotation.annotations.scope == "package"
	name := concat(".", [part.value | some part in annotation.path])
}

default valid := false

# Positive: at least one rule, and each of them complete.
valid if {
	count(rule_packages) > 0
	count(refusals) == 0
	every name in rule_packages {
		complete(name)
	}
}

complete(name) if {
	text(object.get(annotations, [name, "title"], ""))
	text(object.get(annotations, [name, "description"], ""))
	field(name, "id") == trim_prefix(name, "data.mintmark.gates.")
	field(name, "severity") in severities
	every key in required_texts {
		text(field(name, key))
	}
	every key in required_booleans {
		is_boolean(field(name, key))
	}
	count(field(name, "controls")) > 0
	every control in field(name, "controls") {
		control in input.controls
	}
}

refusals contains {"package": name, "reason": "no_metadata"} if {
	some name in rule_packages
	not annotations[name]
}

refusals contains {"package": name, "reason": "missing", "field": key} if {
	some name in rule_packages
	some key in {"title", "description"}
	not text(object.get(annotations, [name, key], ""))
}

refusals contains {"package": name, "reason": "missing", "field": key} if {
	some name in rule_packages
	some key in required_texts
	not text(field(name, key))
}

refusals contains {"package": name, "reason": "id", "field": field(name, "id")} if {
	some name in rule_packages
	field(name, "id") != trim_prefix(name, "data.mintmark.gates.")
}

refusals contains {"package": name, "reason": "severity", "field": field(name, "severity")} if {
	some name in rule_packages
	not field(name, "severity") in severities
}

refusals contains {"package": name, "reason": "missing", "field": key} if {
	some name in rule_packages
	some key in required_booleans
	not is_boolean(field(name, key))
}

refusals contains {"package": name, "reason": "missing", "field": "controls"} if {
	some name in rule_packages
	not count(field(name, "controls")) > 0
}

refusals contains {"package": name, "reason": "unknown_control", "field": control} if {
	some name in rule_packages
	some control in field(name, "controls")
	not control in input.controls
}

field(name, key) := object.get(annotations, [name, "custom", key], "")

text(value) if {
	is_string(value)
	trim_space(value) != ""
}
