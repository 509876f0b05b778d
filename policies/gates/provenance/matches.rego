# METADATA
# title: The provenance is about this artefact and this commit
# description: >-
#   Provenance that speaks of another artefact or another commit is refused; without provenance the release stays
#   undecided.
# custom:
#   id: provenance.matches
#   severity: critical
#   controls: [MM-BLD-01]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}there is no provenance{% elif reason == "subject_mismatch" %}the provenance is about sha256:{{ found }} and not about this artefact{% else %}the provenance names commit {{ found }}, and the source under test is {{ expected }}{% endif %}
#   why: A valid statement about something else says nothing about what is about to be deployed.
#   accepted: Provenance whose subject is this artefact's digest and whose source is the commit that was scanned.
#   remedy: Build the artefact from the commit that was scanned, and let the build write its provenance.
package mintmark.gates.provenance.matches

import data.mintmark.lib.evidence

id := "provenance.matches"

gaps contains {"id": id, "facts": {"reason": "missing"}} if {
	not present
}

refusals contains {"id": id, "fingerprint": "", "facts": {"reason": "subject_mismatch", "found": subject}} if {
	present
	not names_the_subject
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	present
	not names_the_commit
	facts := {"reason": "commit_mismatch", "found": commit, "expected": evidence.commit}
}

default satisfied := false

satisfied if {
	present
	names_the_subject
	names_the_commit
}

present if object.get(evidence.provenance, "present", false) == true

subject := object.get(evidence.provenance, "subject_sha256", "")

commit := object.get(evidence.provenance, "commit", "")

names_the_subject if {
	subject != ""
	subject == evidence.subject_sha256
}

names_the_commit if {
	commit != ""
	commit == evidence.commit
}
