# METADATA
# title: Approvals are for exactly this release
# description: >-
#   An approval counts for the artefact, commit, repository and environment that it names, until it expires, and as long
#   as its giver may approve. Where the release leans on another one, because fewer than enough count, it is refused.
# custom:
#   id: review.current
#   severity: high
#   controls: [MM-CHG-01]
#   waivable: false
#   bypassable: true
#   message: >-
#     the approval {{ approval }} by {{ person or "nobody" }} {% if reason == "approval_stale" %}is for another build or commit ({{ approved_commit[:12] or "none" }}, and this is {{ commit[:12] or "none" }}){% elif reason == "approval_scope" %}is for {{ approved_environment or "no environment" }} and {{ approved_repository or "no repository" }}, and not for {{ environment }} and {{ repository or "no repository" }}{% elif reason == "approval_expired" %}expired at {{ expires_epoch | utc }}{% elif reason == "approval_future" %}says that it was given after the moment of this decision{% elif reason == "unsigned" %}is not a signed record, which {{ environment }} asks for{% else %}is by somebody who may no longer approve for {{ environment }}{% endif %}
#   why: What was approved was looked at; what came after it was not, and who may no longer decide does not decide.
#   accepted: Enough approvals of this digest, commit, repository and environment that have not expired, by people who may approve at the moment of the decision. Others may lie beside them.
#   remedy: Have this very build approved for this environment with `mintmark approve`, by somebody who may.
package mintmark.gates.review.current

import data.mintmark.lib.approvals
import data.mintmark.lib.evidence

id := "review.current"

refusals contains {"id": id, "fingerprint": "", "facts": facts(approval)} if {
	not approvals.enough
	some approval in approvals.given
	not approvals.current(approval)
}

# One for another environment is in its place there; of the others somebody may believe that they count.
warnings contains {"id": id, "facts": facts(approval)} if {
	approvals.enough
	approvals.needed > 0
	some approval in approvals.given
	approvals.problem(approval) != "approval_scope"
}

default satisfied := false

satisfied if approvals.enough

# Nobody has approved yet, or too few: what there is holds, and review.approved waits for the rest.
satisfied if {
	count(approvals.said_yes) < approvals.needed
	evidence.subject_sha256 != ""
	evidence.commit != ""
	every approval in approvals.given {
		approvals.current(approval)
	}
}

facts(approval) := {
	"reason": approvals.problem(approval),
	"environment": evidence.environment,
	"repository": evidence.source_uri,
	"commit": evidence.commit,
	"digest": evidence.subject_sha256,
	"person": approvals.person(approval),
	"approval": object.get(approval, "id", "without id"),
	"approved_environment": object.get(approval, "environment", ""),
	"approved_repository": object.get(approval, "repository", ""),
	"approved_commit": object.get(approval, "commit", ""),
	"approved_digest": object.get(approval, "sha256", ""),
	"expires_epoch": object.get(approval, "expires_epoch", 0),
}
