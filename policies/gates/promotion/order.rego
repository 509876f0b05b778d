# METADATA
# title: A release passes through the environments in order
# description: >-
#   The very artefact must have been deployed to each environment that comes before this one.
# custom:
#   id: promotion.order
#   severity: high
#   controls: [MM-CHG-05]
#   waivable: false
#   bypassable: true
#   message: >-
#     {% if reason == "no_subject" %}it is not known what is to be released{% else %}this artefact was never deployed to {{ before }}, which comes before {{ environment }}{% endif %}
#   why: What ran before, byte for byte, where it could do no harm, has shown something that no scan shows.
#   accepted: A recorded deployment of the same SHA-256 to each environment before this one.
#   remedy: Deploy this digest to the environment before with `mintmark deploy`, and come back with the same digest.
#   fix: >-
#     {% if reason == "no_subject" %}present the artefact{% else %}mintmark ship --env {{ before | sh }}{% endif %}
package mintmark.gates.promotion.order

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

id := "promotion.order"

before := object.get(parameters.settings, "promoted_from", ["nowhere"])

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	subject_known
	some environment in before
	not deployed(environment)
	facts := {"reason": "not_promoted", "environment": evidence.environment, "before": environment}
}

gaps contains {"id": id, "facts": {"reason": "no_subject", "environment": evidence.environment}} if {
	not subject_known
}

default satisfied := false

satisfied if {
	subject_known
	every environment in before {
		deployed(environment)
	}
}

subject_known if evidence.subject_sha256 != ""

deployed(environment) if {
	some promotion in evidence.promotions
	object.get(promotion, "environment", "") == environment
	object.get(promotion, "sha256", "") == evidence.subject_sha256
	at := object.get(promotion, "deployed_epoch", evidence.as_of + 315360000)
	at <= evidence.as_of + parameters.clock_skew_s
}
