# What the gate was given. Every other file reads the input through this one, with a default that refuses, so that a
# missing field can never make a refusal silently undefined.
package mintmark.lib.evidence

as_of := object.get(input, "as_of_epoch", 0)

environment := object.get(input, ["environment", "name"], "")

# Protected unless the input says in so many words that it is not.
claims_protected := object.get(input, ["environment", "protected"], true)

subject_sha256 := object.get(input, ["subject", "digest", "sha256"], "")

commit := object.get(input, ["source", "commit"], "")

tree_digest := object.get(input, ["source", "tree_digest"], "")

scans := object.get(input, "scans", [])

sbom := object.get(input, "sbom", {})

provenance := object.get(input, "provenance", {})

waivers := object.get(input, "waivers", [])

findings := [finding |
	some scan in scans
	some finding in object.get(scan, "findings", [])
]
