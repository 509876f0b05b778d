# METADATA
# title: The builder is trusted by the environment
# description: >-
#   A release built by a builder that the environment does not trust, or with evidence made on a developer's own machine
#   where the environment is protected, is refused.
# custom:
#   id: provenance.origin
#   severity: critical
#   controls: [MM-BLD-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}there is no provenance to say who built this{% elif reason == "untrusted_builder" %}built by {{ builder or "nobody" }}, which {{ environment }} does not trust{% else %}the {{ evidence }} has origin {{ origin or "unknown" }}, which {{ environment }} does not accept{% endif %}
#   why: On a developer's own machine the same person can change the source, the build and the key that signs for both.
#   accepted: A builder on the environment's list, and evidence of an origin on its list; protected environments accept no local origin, whatever their list says.
#   remedy: Build and sign the release in the pipeline that the environment trusts.
package mintmark.gates.provenance.origin

import data.mintmark.lib.evidence
import data.mintmark.lib.origins
import data.mintmark.lib.parameters

id := "provenance.origin"

gaps contains {"id": id, "facts": {"reason": "missing"}} if {
	not present
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	present
	not trusted_builder
	facts := {"reason": "untrusted_builder", "builder": builder, "environment": evidence.environment}
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	present
	not origins.accepted(origin)
	facts := {"reason": "origin", "evidence": "provenance", "origin": origin, "environment": evidence.environment}
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in scans_with_an_origin
	not origins.accepted(scan.origin)
	facts := {
		"reason": "origin",
		"evidence": concat(" ", ["scan by", object.get(scan, "tool", "an unnamed tool")]),
		"origin": scan.origin,
		"environment": evidence.environment,
	}
}

default satisfied := false

satisfied if {
	present
	trusted_builder
	origins.accepted(origin)
	every scan in scans_with_an_origin {
		origins.accepted(scan.origin)
	}
}

present if object.get(evidence.provenance, "present", false) == true

builder := object.get(evidence.provenance, "builder", "")

origin := object.get(evidence.provenance, "origin", "")

# A scan names an origin when it comes from a statement; without one it was made in the run that made the provenance.
scans_with_an_origin := [scan |
	some scan in evidence.scans
	object.get(scan, "origin", "") != ""
]

trusted_builder if builder in parameters.settings.trusted_builders
