# METADATA
# title: Emergency releases are reviewed in time
# description: >-
#   While a review of an earlier break-glass in this environment is open past its due date, no release goes there.
# custom:
#   id: break_glass.reviewed
#   severity: high
#   controls: [MM-EMG-02]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}it is not known which reviews are open{% else %}the review {{ review }} of an emergency release to {{ review_environment or "an unknown environment" }} was due at {{ due_epoch | utc }}{% endif %}
#   why: What went past the rules in a hurry is looked at afterwards, or the emergency exit becomes the door.
#   accepted: No open review for this environment, or only such as are not yet due.
#   remedy: Look at what the break-glass let through, and close the review with `mintmark review close`.
package mintmark.gates.break_glass.reviewed

import data.mintmark.lib.evidence

id := "break_glass.reviewed"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	known
	some review in evidence.open_reviews
	concerns(review)
	overdue(review)
	facts := {
		"reason": "review_overdue",
		"environment": evidence.environment,
		"review": object.get(review, "id", "without id"),
		"review_environment": object.get(review, "environment", ""),
		"due_epoch": object.get(review, "due_epoch", 0),
	}
}

gaps contains {"id": id, "facts": {"reason": "missing", "environment": evidence.environment}} if {
	not known
}

default satisfied := false

satisfied if {
	known
	every review in evidence.open_reviews {
		harmless(review)
	}
}

known if evidence.open_reviews != null

harmless(review) if not concerns(review)

harmless(review) if not overdue(review)

# One that names no environment concerns every one.
concerns(review) if object.get(review, "environment", evidence.environment) == evidence.environment

overdue(review) if object.get(review, "due_epoch", 0) < evidence.as_of
