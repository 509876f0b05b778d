# METADATA
# title: Changes of the pipeline are approved by its owners
# description: >-
#   A change that touches what builds, judges or deploys releases is refused without an approval of this release by one
#   of the pipeline's owners, who had no part in it, and while the no of another owner stands.
# custom:
#   id: change.pipeline
#   severity: critical
#   controls: [MM-CHG-03]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "no_change" %}it is not known which files were changed{% elif reason == "rejected" %}{{ person }}, who is one of the pipeline's owners, said no to this release in {{ approval }}{% else %}{{ files }} changed {{ "file" if files == 1 else "files" }} of the pipeline ({{ parts | join(", ") }}), and none of its owners ({{ groups | join(", ") or "nobody" }}) approved{% endif %}
#   why: Whoever can change how releases are built and judged can let anything through, with this change or the next.
#   accepted: A change that leaves the pipeline's files alone, or an approval of exactly this release by a member of the groups that own them, to which no other one says no.
#   remedy: Ask one of the pipeline's owners who had no part in the change to run `mintmark approve`, or take the pipeline's files out of it.
package mintmark.gates.change.pipeline

import data.mintmark.lib.approvals
import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

id := "change.pipeline"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	approvals.needed > 0
	count(parts) > 0
	not owned
	facts := {
		"reason": "workflow_changed",
		"environment": evidence.environment,
		"parts": parts,
		"files": count(touched),
		"groups": approvals.pipeline_groups,
	}
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	approvals.needed > 0
	count(parts) > 0
	some refusal in approvals.refused
	approvals.stands(refusal, approvals.pipeline_groups)
	facts := {
		"reason": "rejected",
		"environment": evidence.environment,
		"parts": parts,
		"person": approvals.person(refusal),
		"approval": object.get(refusal, "id", "without id"),
	}
}

gaps contains {"id": id, "facts": {"reason": "no_change", "environment": evidence.environment}} if {
	approvals.needed > 0
	not files_known
}

default satisfied := false

satisfied if approvals.needed == 0

satisfied if {
	files_known
	every file in files {
		not of_the_pipeline(file)
	}
}

satisfied if {
	files_known
	owned
	every refusal in approvals.refused {
		not approvals.stands(refusal, approvals.pipeline_groups)
	}
}

owned if count(approvals.approvers(approvals.pipeline_groups)) > 0

# Null, and not an empty list, where the member is missing: a change of nothing is not one of which nothing is known.
files_known if {
	object.get(evidence.change, "present", false) == true
	object.get(evidence.change, "files", null) != null
}

files := object.get(evidence.change, "files", [])

touched contains file if {
	some file in files
	of_the_pipeline(file)
}

of_the_pipeline(file) if {
	some part in parameters.pipeline_files
	lies_in(file, part)
}

parts := [part |
	some part in parameters.pipeline_files
	count([1 |
		some file in files
		lies_in(file, part)
	]) > 0
]

# A part that ends in a slash is a folder, and any other one a file.
lies_in(file, part) if file == part

lies_in(file, part) if {
	endswith(part, "/")
	startswith(file, part)
}
