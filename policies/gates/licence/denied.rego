# METADATA
# title: Every dependency's licence is known and accepted
# description: >-
#   A dependency under a licence that is denied is refused, and so is one whose licence nobody could establish, at or above
#   the threshold of the environment.
# custom:
#   id: licence.denied
#   severity: high
#   controls: [MM-DEP-05]
#   waivable: true
#   bypassable: true
#   message: >-
#     {% if reason == "denied" %}{{ package }} {{ version }} is under {{ denied | join(", ") }}, which is denied ({{ resource }}){% elif reason == "unknown" %}the licence of {{ package }} {{ version }} is not known{% else %}{{ package }} {{ version }}: {{ title }} ({{ severity }}, {{ tool }} {{ rule }}){% endif %}
#   why: Some licences ask for the source of whatever uses them, or forbid to sell it, and a licence that is not known may ask for anything.
#   accepted: >-
#     Dependencies with an SPDX expression that can be met without a denied licence; or a waiver for exactly the dependency that remains, from who may decide on licences.
#   remedy: Replace the dependency, or obtain another licence for it and have a waiver approved; where its metadata says too little, establish the licence.
package mintmark.gates.licence.denied

import data.mintmark.lib.findings
import data.mintmark.lib.parameters
import data.mintmark.lib.waivers

id := "licence.denied"

refusals contains refusal if {
	some finding in found
	not permitted(finding)
	facts := object.union(findings.facts(finding), {"reason": reason(finding), "denied": denied_of(finding)})
	refusal := {"id": id, "fingerprint": findings.fingerprint(finding), "facts": facts}
}

default satisfied := false

satisfied if {
	findings.looked_for("licence")
	parameters.denied_licences != null
	every finding in found {
		acceptable(finding)
	}
}

acceptable(finding) if permitted(finding)

acceptable(finding) if waivers.cover(id, findings.fingerprint(finding))

found := findings.of_category("licence")

permitted(finding) if {
	findings.open(finding)
	findings.tolerable(finding)
	named(finding)
	count(denied_of(finding)) == 0
}

# How severe one is that was silenced in the source, scan.tool_configuration judges. No comment makes a licence allowed.
permitted(finding) if {
	not findings.open(finding)
	count(denied_of(finding)) == 0
}

reason(finding) := "denied" if {
	count(denied_of(finding)) > 0
} else := "unknown" if {
	not known(finding)
} else := findings.reason(finding)

# That a licence is not known is told by its own rule, and weighed by its severity alone.
named(finding) if rule(finding) == "licence-unknown"

named(finding) if known(finding)

known(finding) if {
	rule(finding) != "licence-unknown"
	count(ids(finding)) > 0
}

rule(finding) := object.get(finding, "rule", "")

# The SPDX ids that must be met, where the scanner has chosen among alternatives; else all that the expression names.
# In their order, for the engines give sets of text in different ones.
ids(finding) := [plain(name) | some name in aliases(finding)] if count(aliases(finding)) > 0

ids(finding) := [plain(word) |
	some word in words(finding)
	not word in operators
] if {
	count(aliases(finding)) == 0
}

denied_of(finding) := [] if has_a_way_out(finding)

denied_of(finding) := [name |
	some name in ids(finding)
	name in denied
] if {
	not has_a_way_out(finding)
}

# Of "A OR B" one is enough. An expression with another operator is not taken apart here: each id in it counts.
has_a_way_out(finding) if {
	count(aliases(finding)) == 0
	joined := {word | some word in words(finding); word in {"and", "or", "with"}}
	joined == {"or"}
	some name in ids(finding)
	not name in denied
}

denied := {plain(name) | some name in parameters.denied_licences}

operators := {"and", "or", "with", "unknown", "noassertion", "none", ""}

aliases(finding) := object.get(finding, "aliases", [])

# SPDX ids are compared without regard to case; a final plus says "or later", which is no way out of a denied one.
plain(name) := trim_suffix(lower(trim_space(name)), "+")

words(finding) := split(spaced(listed(lower(object.get(finding, "resource", "")))), " ")

spaced(text) := replace(replace(replace(replace(text, "(", " "), ")", " "), "\t", " "), "\n", " ")

# Not of SPDX, but seen: of "A/B" or "A, B" nobody knows whether one is enough.
listed(text) := replace(replace(replace(text, "/", " and "), ",", " and "), ";", " and ")
