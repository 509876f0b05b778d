# Who said yes to a release, and whether that yes is for exactly this one, now.
package mintmark.lib.approvals

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.people

presented := evidence.approvals

terms := object.get(parameters.settings, "approvals", {})

needed := object.get(terms, "count", 99)

groups := object.get(terms, "groups", [])

pipeline_groups := object.get(terms, "pipeline_groups", [])

means := object.get(terms, "means", [])

# What an approval or a refusal was given by. Nobody is a person that no directory knows.
person(approval) := people.person(object.get(approval, "person", ""))

given := [approval |
	some approval in presented
	object.get(approval, "verdict", "") == "approve"
]

refused := [approval |
	some approval in presented
	object.get(approval, "verdict", "") != "approve"
]

# People who said yes for this environment and repository, and were of one of the groups when they said it: nobody's word
# gains weight afterwards. Each counts once. Whether it was to exactly this release, and whether they still are of the
# group, is another question, which `current` answers.
said_yes contains person(approval) if {
	some approval in given
	in_scope(approval)
	people.independent(person(approval))
	some group in groups
	people.member_at(person(approval), group, at(approval))
}

of_group(approval, group) if people.member(person(approval), group)

of_group(approval, group) if people.member_at(person(approval), group, at(approval))

# People of these groups whose yes holds for exactly this release, now, and who did not say no since.
approvers(wanted) := {person(approval) |
	some approval in given
	current(approval)
	not withdrawn(approval)
	people.independent(person(approval))
	some group in wanted
	people.member_at(person(approval), group, at(approval))
	people.member(person(approval), group)
}

enough if count(approvers(groups)) >= needed

current(approval) if {
	in_scope(approval)
	exact(approval)
	made(approval)
	unexpired(approval)
	recorded(approval)
	not revoked(approval)
}

# The first thing that keeps an approval from holding now. Undefined for a current one.
problem(approval) := "approval_scope" if {
	not in_scope(approval)
} else := "approval_stale" if {
	not exact(approval)
} else := "approval_future" if {
	not made(approval)
} else := "approval_expired" if {
	not unexpired(approval)
} else := "unsigned" if {
	not recorded(approval)
} else := "approver_revoked" if {
	revoked(approval)
}

# A no to this artefact here by somebody of these groups, who has not said yes to it since. It does not expire.
stands(refusal, wanted) if {
	may_concern(refusal)
	some group in wanted
	of_group(refusal, group)
	not taken_back(refusal)
}

# Of a yes and a no of one moment the no counts.
withdrawn(approval) if object.get(latest_no, person(approval), 0 - 1) >= at(approval)

taken_back(refusal) if object.get(latest_yes, person(refusal), 0 - 1) > at(refusal)

latest_no[name] := max(moments) if some name, moments in said_no_at

latest_yes[name] := max(moments) if some name, moments in said_yes_at

said_no_at[name] contains at(refusal) if {
	some refusal in refused
	may_concern(refusal)
	name := person(refusal)
}

said_yes_at[name] contains at(approval) if {
	some approval in given
	current(approval)
	name := person(approval)
	people.human(name)
}

# Nothing that it says is about another artefact or environment. What lacks a field may be about this one.
may_concern(approval) if {
	object.get(approval, "environment", evidence.environment) == evidence.environment
	object.get(approval, "sha256", evidence.subject_sha256) == evidence.subject_sha256
}

in_scope(approval) if {
	object.get(approval, "environment", "") == evidence.environment
	evidence.source_uri != ""
	object.get(approval, "repository", "") == evidence.source_uri
}

exact(approval) if {
	evidence.subject_sha256 != ""
	object.get(approval, "sha256", "") == evidence.subject_sha256
	evidence.commit != ""
	object.get(approval, "commit", "") == evidence.commit
}

made(approval) if at(approval) <= evidence.as_of + parameters.clock_skew_s

at(approval) := object.get(approval, "at_epoch", evidence.as_of + 315360000)

# An approval ends at its moment of expiry, and not a second later.
unexpired(approval) if evidence.as_of < object.get(approval, "expires_epoch", 0)

recorded(approval) if object.get(approval, "means", "") in means

# Of a group that may approve when the yes was said, and of none of them now.
revoked(approval) if {
	some group in groups
	people.member_at(person(approval), group, at(approval))
	not of_a_group_now(person(approval))
}

of_a_group_now(name) if {
	some group in groups
	people.member(name, group)
}
