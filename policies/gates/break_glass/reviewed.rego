# METADATA
# title: Emergency releases are reviewed in time
# description: >-
#   While a review of an earlier break-glass in this environment is open past its due date, or for longer than the policy
#   gives a review, no release goes there.
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
import data.mintmark.lib.parameters

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
		"due_epoch": due(review),
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

overdue(review) if due(review) < evidence.as_of

# One that begins later than now would never end.
overdue(review) if opened(review) > evidence.as_of + parameters.clock_skew_s

# What it says itself, or the policy's term from its opening, whichever comes first: the statement may be anybody's.
due(review) := stated(review) if stated(review) <= latest(review)

due(review) := latest(review) if stated(review) > latest(review)

stated(review) := object.get(review, "due_epoch", 0)

opened(review) := object.get(review, "opened_epoch", 0)

latest(review) := opened(review) + object.get(parameters.settings, ["break_glass", "review_s"], 0)
