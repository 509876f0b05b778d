# A rule about rules: the input is read through lib/evidence.rego alone, and there with a default.
#
# `input.waivers[0].rule` is undefined when a field is missing, and an undefined term silently un-denies. input.modules
# maps a path to what `opa parse --format json` says of it.
package mintmark.meta.reads

reader := "lib/evidence.rego"

default valid := false

valid if {
	count(input.modules) > 0
	count(refusals) == 0
}

refusals contains {"path": path, "reason": "reads_input"} if {
	some path, module in input.modules
	path != reader
	walk(object.get(module, "rules", []), [_, value])
	value == {"type": "var", "value": "input"}
}

# In the reader itself a path into the input (`input.x`) is refused; `object.get(input, …)` is how it reads.
refusals contains {"path": path, "reason": "reads_without_default"} if {
	some path, module in input.modules
	walk(object.get(module, "rules", []), [_, value])
	value.type == "ref"
	value.value[0] == {"type": "var", "value": "input"}
	count(value.value) > 1
}
