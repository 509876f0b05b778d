# METADATA
# title: Waivers are exact, current and approved by somebody else
# description: >-
#   A waiver with a wildcard, or without an approver other than its requester, is refused wherever it appears. One that
#   has expired, or is for something else, is refused where it was meant to let a refused finding through.
# custom:
#   id: waiver.invalid
#   severity: high
#   controls: [MM-WVR-01]
#   waivable: false
#   bypassable: false
#   message: >-
#     waiver {{ waiver }} for {{ rule }} {% if reason == "expires_soon" %}ends at {{ expires_epoch | utc }}{% else %}does not count: {% if reason == "expired" %}it expired at {{ expires_epoch | utc }}{% elif reason == "scope" %}it is for another finding, rule or environment ({{ waived_environment }}, {{ waived_fingerprint }}){% elif reason == "wildcard" %}it does not name exactly one rule, finding and environment{% else %}nobody but its requester {{ requested_by }} approved it{% endif %}{% endif %}
#   why: A waiver is a decision to carry one known risk for a while; without an end, an exact object and a second person it is a hole.
#   accepted: A waiver that names one waivable rule, one finding's fingerprint and this environment, approved by another person than its requester, before its end.
#   remedy: Remove the waiver, or ask for a new one for exactly this finding and have another person approve it.
package mintmark.gates.waiver.invalid

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.waivers
import data.mintmark.waivable

id := "waiver.invalid"

refusals contains refusal(waiver, waivers.problem(waiver)) if {
	some waiver in waivers.presented
	waivers.problem(waiver) in {"wildcard", "sod"}
}

refusals contains refusal(waiver, waivers.problem(waiver)) if {
	some waiver in waivers.presented
	waivers.problem(waiver) in {"expired", "scope"}
	meant_for_a_refusal(waiver)
}

refusals contains refusal(waiver, "scope") if {
	some waiver in waivers.presented
	waivers.sound(waiver)
	aimed_beside(waiver)
}

# One that ends soon still counts.
warnings contains {"id": id, "facts": refusal(waiver, "expires_soon").facts} if {
	some waiver in waivers.presented
	waivers.sound(waiver)
	waiver.expires_epoch - evidence.as_of < object.get(parameters.settings, ["waivers", "warn_s"], 0)
}

default satisfied := false

satisfied if {
	every waiver in waivers.presented {
		harmless(waiver)
	}
}

harmless(waiver) if {
	waivers.sound(waiver)
	not aimed_beside(waiver)
}

# A waiver that has run out, or that is for another environment, may lie there as long as nothing leans on it.
harmless(waiver) if {
	waivers.problem(waiver) in {"expired", "scope"}
	not meant_for_a_refusal(waiver)
}

refused contains refusal if {
	some group in waivable.refusals
	some refusal in group
}

outstanding contains [refusal.id, refusal.fingerprint] if {
	some refusal in refused
	not waivers.cover(refusal.id, refusal.fingerprint)
}

outstanding_rules contains refusal.id if {
	some refusal in refused
	not waivers.cover(refusal.id, refusal.fingerprint)
}

meant_for_a_refusal(waiver) if outstanding[[waiver.rule, waiver.fingerprint]]

# In force, but for a finding that is not there, while another finding of the same rule is refused.
aimed_beside(waiver) if {
	outstanding_rules[waiver.rule]
	not refused_findings[[waiver.rule, waiver.fingerprint]]
}

refused_findings contains [refusal.id, refusal.fingerprint] if some refusal in refused

refusal(waiver, reason) := {
	"id": id,
	"fingerprint": "",
	"facts": {
		"reason": reason,
		"waiver": object.get(waiver, "id", "without id"),
		"rule": object.get(waiver, "rule", "any rule"),
		"waived_fingerprint": object.get(waiver, "fingerprint", ""),
		"waived_environment": object.get(waiver, "environment", ""),
		"requested_by": object.get(waiver, "requested_by", "nobody"),
		"expires_epoch": object.get(waiver, "expires_epoch", 0),
	},
}
