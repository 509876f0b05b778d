# METADATA
# title: The SBOM is about this artefact
# description: >-
#   An SBOM of another artefact, in an unaccepted format, without components or without the digest of its lock is refused;
#   without one the release stays undecided.
# custom:
#   id: sbom.matches
#   severity: high
#   controls: [MM-DEP-03]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "missing" %}there is no SBOM{% elif reason == "subject_mismatch" %}the SBOM is about sha256:{{ found }} and not about this artefact{% elif reason == "lock_digest" %}the SBOM does not say from which lock it was made{% elif reason == "format" %}the SBOM is {{ format }} {{ spec_version }}, which is not accepted{% else %}the SBOM lists no component{% endif %}
#   why: Only a list of what is inside this very artefact answers, next month, whether a new vulnerability is in it.
#   accepted: A CycloneDX document of an accepted version that names this artefact's digest, the digest of the lock that it was made from, and at least one component.
#   remedy: Make the SBOM from the lock of this build, with `mintmark ship` or the SBOM step of your pipeline.
package mintmark.gates.sbom.matches

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

id := "sbom.matches"

gaps contains {"id": id, "facts": {"reason": "missing"}} if {
	not present
}

refusals contains {"id": id, "fingerprint": "", "facts": {"reason": "subject_mismatch", "found": subject}} if {
	present
	not names_the_subject
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	present
	not accepted_format
	facts := {"reason": "format", "format": format, "spec_version": spec_version}
}

refusals contains {"id": id, "fingerprint": "", "facts": {"reason": "empty"}} if {
	present
	not has_components
}

refusals contains {"id": id, "fingerprint": "", "facts": {"reason": "lock_digest"}} if {
	present
	not names_its_lock
}

default satisfied := false

satisfied if {
	present
	names_the_subject
	accepted_format
	has_components
	names_its_lock
}

present if object.get(evidence.sbom, "present", false) == true

subject := object.get(evidence.sbom, "subject_sha256", "")

format := object.get(evidence.sbom, "format", "")

spec_version := object.get(evidence.sbom, "spec_version", "")

names_the_subject if {
	subject != ""
	subject == evidence.subject_sha256
}

accepted_format if spec_version in object.get(parameters.sbom_formats, format, [])

has_components if object.get(evidence.sbom, "components", 0) > 0

names_its_lock if object.get(evidence.sbom, "lock_digest", "") != ""
