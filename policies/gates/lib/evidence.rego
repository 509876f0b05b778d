# What the gate was given. Every other file reads the input through this one, with a default that refuses, so that a
# missing field can never make a refusal silently undefined.
package mintmark.lib.evidence

as_of := object.get(input, "as_of_epoch", 0)

as_of_date := object.get(input, "as_of", "")

environment := object.get(input, ["environment", "name"], "")

# Protected unless the input says in so many words that it is not.
claims_protected := object.get(input, ["environment", "protected"], true)

subject_sha256 := object.get(input, ["subject", "digest", "sha256"], "")

source_uri := object.get(input, ["source", "uri"], "")

commit := object.get(input, ["source", "commit"], "")

tree_digest := object.get(input, ["source", "tree_digest"], "")

scans := object.get(input, "scans", [])

sbom := object.get(input, "sbom", {})

provenance := object.get(input, "provenance", {})

waivers := object.get(input, "waivers", [])

# Null, and not an empty list, where the member is missing: a list that is missing is not an empty one.
tests := object.get(input, "tests", null)

change := object.get(input, "change", {})

people := object.get(input, "people", [])

approvals := object.get(input, "approvals", [])

break_glass := object.get(input, "break_glass", {})

open_reviews := object.get(input, "open_reviews", null)

promotions := object.get(input, "promotions", [])

clocks := object.get(input, "clocks", [])

coverage := object.get(input, "coverage", [])

findings := [finding |
	some scan in scans
	some finding in object.get(scan, "findings", [])
]
