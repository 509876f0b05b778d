# METADATA
# title: Dependencies come from where they should
# description: >-
#   A lock in which an internal name comes from a public index, an entry has no hash, a name resembles that of a popular
#   package, or a source is not an index that we trust, is refused at or above the threshold of the environment.
# custom:
#   id: deps.supply_chain
#   severity: critical
#   controls: [MM-DEP-04]
#   waivable: true
#   bypassable: false
#   message: "{% if package %}{{ package }}{% if version %} {{ version }}{% endif %}: {% endif %}{{ title }} ({{ severity }}, {{ tool }} {{ rule }})"
#   why: >-
#     {{ environment }} refuses supply chain findings of {{ threshold }} severity and above: such a package runs with our rights before anybody has read it.
#   accepted: >-
#     A lock whose every entry has a hash and comes from the index that is meant for its name, or a waiver for exactly the package that needs an exception.
#   remedy: Lock again from the index that is meant for the package, with hashes; for a name that only resembles another, take the one that was meant.
package mintmark.gates.deps.supply_chain

import data.mintmark.lib.findings

id := "deps.supply_chain"

refusals := findings.refusals(id, "supply_chain")

default satisfied := false

satisfied if findings.proven(id, "supply_chain")
