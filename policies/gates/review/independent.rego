# METADATA
# title: Who approves had no part in the change
# description: >-
#   An approval of this release by its author, committer, co-author, requester or any other contributor, by a bot, or by
#   somebody whom the directory does not know, is refused wherever approvals are asked for. Where it is not known who
#   made the change, nobody can be shown to be independent of it.
# custom:
#   id: review.independent
#   severity: critical
#   controls: [MM-CHG-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "sod" %}{{ person or "nobody" }} approved this release ({{ approval }}) and {% if role == "bot" %}is a bot{% elif role == "unknown" %}is not in the directory{% else %}is its {{ role | replace("_", "-") }}{% endif %}{% elif person %}{{ person }} contributed to the change and is not in the directory{% else %}it is not known who made the change{% endif %}
#   why: Whoever approves their own work, under whatever name, is one person who decides alone.
#   accepted: A change whose contributors the directory knows, approved by people who are none of them.
#   remedy: Have somebody else approve it; add a contributor who is missing, with every address of theirs, to the directory.
package mintmark.gates.review.independent

import data.mintmark.lib.approvals
import data.mintmark.lib.evidence
import data.mintmark.lib.people

id := "review.independent"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	approvals.needed > 0
	some approval in of_this_release
	not people.independent(approvals.person(approval))
	facts := {
		"reason": "sod",
		"environment": evidence.environment,
		"approval": object.get(approval, "id", "without id"),
		"person": approvals.person(approval),
		"role": people.role(approvals.person(approval)),
	}
}

gaps contains {"id": id, "facts": {"reason": "unknown_person", "environment": evidence.environment, "person": ""}} if {
	approvals.needed > 0
	not change_known
}

gaps contains {"id": id, "facts": {"reason": "unknown_person", "environment": evidence.environment, "person": person}} if {
	approvals.needed > 0
	change_known
	some person in people.contributors
	not identified(person)
}

default satisfied := false

satisfied if approvals.needed == 0

satisfied if {
	change_known
	every person in people.contributors {
		identified(person)
	}
	every approval in of_this_release {
		people.independent(approvals.person(approval))
	}
}

change_known if {
	object.get(evidence.change, "present", false) == true
	every part in ["co_authors", "contributors"] {
		object.get(evidence.change, part, null) != null
	}
}

# The name that stands for somebody whom the directory does not know is nobody's, whatever the directory says.
identified(person) if {
	person != "unknown"
	people.known[person]
}

of_this_release := [approval |
	some approval in approvals.given
	approvals.may_concern(approval)
	object.get(approval, "commit", evidence.commit) == evidence.commit
	object.get(approval, "repository", evidence.source_uri) == evidence.source_uri
]
