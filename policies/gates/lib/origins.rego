# Whose machine evidence comes from, and whether the environment believes it.
package mintmark.lib.origins

import data.mintmark.lib.parameters

accepted(name) if {
	parameters.protected == false
	name in parameters.trusted_origins
}

# A protected environment takes nothing from a developer's own machine, whatever its list says.
accepted(name) if {
	name != "local"
	name in parameters.trusted_origins
}

of(fact) := object.get(fact, ["producer", "origin"], "unknown")
