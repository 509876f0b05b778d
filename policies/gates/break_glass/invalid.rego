# METADATA
# title: A break-glass is sound or of no use
# description: >-
#   A break-glass without a reason or without enough people of the responding group, or that has expired, lasts too long
#   or is for something else, is refused, whether or not the release leans on it. A sound one is told with the decision.
# custom:
#   id: break_glass.invalid
#   severity: critical
#   controls: [MM-EMG-01]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}it is not known whether this is an emergency release{% elif reason == "break_glass_used" %}break-glass {{ break_glass }} by {{ requested_by }}, approved by {{ approved_by | join(", ") }}, lets this release past rules until {{ expires_epoch | utc }}{% else %}break-glass {{ break_glass or "without id" }} does not count: {% if reason == "no_reason" %}it gives no reason{% elif reason == "scope" %}it is for another artefact or for {{ granted_environment or "no environment" }}{% elif reason == "expired" %}its time is from {{ at_epoch | utc }} to {{ expires_epoch | utc }}, which is not now{% elif reason == "too_long" %}it lasts {{ expires_epoch - at_epoch }} s, and {{ max_s }} s are allowed{% else %}{{ approved }} of {{ needed }} people of {{ group or "no group" }} approved it, besides {{ requested_by or "nobody" }} who asked and whoever made the change{% endif %}{% endif %}
#   why: An emergency exit that opens for one person, or for ever, is how every other rule is passed.
#   accepted: No break-glass; or one with a reason, for this artefact and environment, in its short time, asked for by a known person and approved by enough others of the responding group.
#   remedy: Ask for a new one with `mintmark break-glass request`, and have the others approve it; or ship without it.
package mintmark.gates.break_glass.invalid

import data.mintmark.lib.break_glass
import data.mintmark.lib.evidence

id := "break_glass.invalid"

refusals contains {"id": id, "fingerprint": "", "facts": facts(break_glass.problem)} if {
	told
	break_glass.presented
	break_glass.problem
}

gaps contains {"id": id, "facts": {"reason": "missing", "environment": evidence.environment}} if {
	not told
}

warnings contains {"id": id, "facts": facts("break_glass_used")} if break_glass.sound

default satisfied := false

satisfied if break_glass.sound

satisfied if not break_glass.presented

# That there is none is said too; nothing at all is no answer.
told if evidence.break_glass != {}

facts(reason) := {
	"reason": reason,
	"environment": evidence.environment,
	"break_glass": break_glass.id,
	"granted_environment": object.get(evidence.break_glass, "environment", ""),
	"granted_digest": object.get(evidence.break_glass, "sha256", ""),
	"requested_by": object.get(evidence.break_glass, "requested_by", ""),
	"approved_by": object.get(evidence.break_glass, "approved_by", []),
	"approved": count(break_glass.approvers),
	"needed": break_glass.terms.approvals,
	"group": break_glass.terms.group,
	"max_s": break_glass.terms.max_s,
	"at_epoch": object.get(evidence.break_glass, "at_epoch", 0),
	"expires_epoch": object.get(evidence.break_glass, "expires_epoch", 0),
}
