# METADATA
# title: Enough people said yes
# description: >-
#   A release that fewer people than the environment asks for have approved waits for them, and one that a person of the
#   approving groups rejected is refused until the same person approves it. Who contributed to the change, bots and
#   people whom the directory does not know are not counted, and nobody is counted twice.
# custom:
#   id: review.approved
#   severity: high
#   controls: [MM-CHG-01]
#   waivable: false
#   bypassable: true
#   message: >-
#     {% if reason == "rejected" %}{{ person or "nobody" }} rejected this artefact for {{ environment }} ({{ approval }}){% else %}{{ given }} of {{ needed }} people who may approve for {{ environment }} have done so{% endif %}
#   why: A change that one person can bring into an environment alone is reviewed by nobody.
#   accepted: As many approvals for this environment and repository as it asks for, by different people of its approving groups who had no part in the change, and no rejection that stands.
#   remedy: Ask a member of the approving groups who had no part in the change to run `mintmark approve`, or make what was rejected better and release that.
#   fix: >-
#     {% if reason == "rejected" %}have {{ person }} approve it after all, or make better what was rejected and release that{% else %}mintmark approve sha256:{{ subject_sha256 }} --env {{ environment | sh }}   # {{ needed - given }} more of {{ groups | join(" or ") }}, who had no part in the change{% endif %}
package mintmark.gates.review.approved

import data.mintmark.lib.approvals
import data.mintmark.lib.evidence

id := "review.approved"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some approval in approvals.refused
	approvals.stands(approval, approvals.groups)
	facts := {
		"reason": "rejected",
		"environment": evidence.environment,
		"person": approvals.person(approval),
		"approval": object.get(approval, "id", "without id"),
	}
}

gaps contains {"id": id, "facts": facts} if {
	count(approvals.said_yes) < approvals.needed
	facts := {
		"reason": "awaiting_approval",
		"pending": true,
		"environment": evidence.environment,
		"given": count(approvals.said_yes),
		"needed": approvals.needed,
		"groups": approvals.groups,
	}
}

default satisfied := false

satisfied if {
	count(approvals.said_yes) >= approvals.needed
	every approval in approvals.refused {
		not approvals.stands(approval, approvals.groups)
	}
}
