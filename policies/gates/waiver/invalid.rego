# METADATA
# title: Waivers are exact, current and approved by somebody else
# description: >-
#   A waiver with a wildcard, or without an approver other than its requester, is refused wherever it appears. One that
#   has expired, lasts longer than its finding's severity allows, is for something else, was asked for in the future, or
#   is not recorded or approved as the environment asks, is refused where it was meant to let a refused finding through.
# custom:
#   id: waiver.invalid
#   severity: high
#   controls: [MM-WVR-01]
#   waivable: false
#   bypassable: false
#   message: >-
#     waiver {{ waiver }} for {{ rule }} {% if reason == "expires_soon" %}ends at {{ expires_epoch | utc }}{% else %}does not count: {% if reason == "expired" %}it expired at {{ expires_epoch | utc }}{% elif reason == "scope" %}it is for another finding, rule or environment ({{ waived_environment }}, {{ waived_fingerprint }}){% elif reason == "wildcard" %}it does not name exactly one rule, finding and environment{% elif reason == "future" %}it says that it was asked for after the moment of this decision{% elif reason == "too_long" %}it lasts {{ lasts_s }} s, which is longer than its finding allows in {{ environment }}{% elif reason == "unsigned" %}{{ environment }} does not accept one from a {{ means or "place that it does not name" }}{% elif reason == "approver" %}{{ environment }} wants a known person to ask for it and another one, who may, to approve it (asked by {{ requested_by }}, approved by {{ approved_by | join(", ") }}){% else %}nobody but its requester {{ requested_by }} approved it{% endif %}{% endif %}
#   why: A waiver is a decision to carry one known risk for a while; without an end, an exact object and a second person it is a hole.
#   accepted: A waiver that names one waivable rule, one finding's fingerprint and this environment, approved by another person than its requester, before its end. It lasts no longer than the severity of its finding allows, and never long for a secret, since it covers a place and not a value. In a protected environment both people are known, and the approver is of a group that may waive.
#   remedy: Remove the waiver, or ask for a new one for exactly this finding and have another person approve it.
package mintmark.gates.waiver.invalid

import data.mintmark.lib.break_glass
import data.mintmark.lib.evidence
import data.mintmark.lib.waivers
import data.mintmark.waivable

id := "waiver.invalid"

refusals contains refusal(waiver, waivers.problem(waiver)) if {
	some waiver in waivers.presented
	waivers.problem(waiver) in {"wildcard", "sod"}
}

refusals contains refusal(waiver, waivers.problem(waiver)) if {
	some waiver in waivers.presented
	waivers.problem(waiver) in tolerated_where_unused
	meant_for_a_refusal(waiver)
}

refusals contains refusal(waiver, "scope") if {
	some waiver in waivers.presented
	waivers.sound(waiver)
	aimed_beside(waiver)
}

# What is wrong with a waiver that may lie there as long as nothing leans on it.
tolerated_where_unused := {"expired", "scope", "future", "too_long", "unsigned", "approver"}

# One that ends soon still counts.
warnings contains {"id": id, "facts": refusal(waiver, "expires_soon").facts} if {
	some waiver in waivers.presented
	waivers.sound(waiver)
	waiver.expires_epoch - evidence.as_of < object.get(waivers.terms, "warn_s", 0)
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

harmless(waiver) if {
	waivers.problem(waiver) in tolerated_where_unused
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

# What a break-glass lets through leans on no waiver: one that ended must not close the emergency exit.
meant_for_a_refusal(waiver) if {
	outstanding[[waiver.rule, waiver.fingerprint]]
	not break_glass.lets_through(waiver.rule)
}

# In force, but for a finding that is not there, while another finding of the same rule is refused.
aimed_beside(waiver) if {
	not break_glass.lets_through(waiver.rule)
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
		"approved_by": object.get(waiver, "approved_by", []),
		"environment": evidence.environment,
		"means": object.get(waiver, "means", ""),
		"lasts_s": waivers.lasts(waiver),
		"expires_epoch": object.get(waiver, "expires_epoch", 0),
	},
}
