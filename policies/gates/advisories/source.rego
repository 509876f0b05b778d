# METADATA
# title: Advisories are complete and recent
# description: >-
#   Dependencies that were matched against a partial, old or unaccepted set of advisories are refused, and without any
#   advisories the release stays undecided.
# custom:
#   id: advisories.source
#   severity: high
#   controls: [MM-DEP-02]
#   waivable: false
#   bypassable: true
#   message: >-
#     {% if reason == "missing" %}a scan of the dependencies is missing, or does not say which advisories they were matched against{% elif reason == "db_stale" %}the newest advisory that {{ tool }} knew is {{ age_s }} s old, and {{ max_age_s }} s are allowed{% elif reason == "future" %}the advisories of {{ tool }} say that they are from {{ ahead_s }} s after the moment of this decision{% elif reason == "partial" %}{{ tool }} matched against a partial set of {{ records }} advisories ({{ source }}){% elif reason == "empty" %}{{ tool }} matched against no advisory at all ({{ source }}){% else %}{{ tool }} matched against {{ source }}, which {{ environment }} does not accept{% endif %}
#   why: A vulnerability that the advisories do not list yet, or no longer list, is not found, and the scan looks clean.
#   accepted: In a protected environment a whole ecosystem's advisories, no older than it allows; elsewhere the snapshot that ships with Mintmark will do.
#   remedy: Get a current export of the OSV database (or let pip-audit go online), and run `mintmark scan` again.
package mintmark.gates.advisories.source

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans

id := "advisories.source"

gaps contains {"id": id, "facts": {"reason": "missing"}} if {
	count(dependency_scans) == 0
}

gaps contains {"id": id, "facts": {"reason": "missing"}} if {
	some scan in dependency_scans
	not scans.absent(scan)
	not has_advisories(scan)
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in matched
	parameters.protected
	object.get(scan.data, "complete", false) != true
	facts := object.union(about(scan), {"reason": "partial"})
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in matched
	age(scan) > parameters.settings.max_advisory_age_s
	facts := object.union(about(scan), {
		"reason": "db_stale",
		"age_s": age(scan),
		"max_age_s": parameters.settings.max_advisory_age_s,
	})
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in matched
	ahead := 0 - age(scan)
	ahead > parameters.clock_skew_s
	facts := object.union(about(scan), {"reason": "future", "ahead_s": ahead})
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in matched
	not source(scan) in parameters.settings.advisory_sources
	facts := object.union(about(scan), {"reason": "source"})
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in matched
	source(scan) != "online"
	not records(scan) > 0
	facts := object.union(about(scan), {"reason": "empty"})
}

default satisfied := false

satisfied if {
	count(dependency_scans) > 0
	every scan in dependency_scans {
		answers(scan)
	}
	every scan in matched {
		complete_enough(scan)
		age(scan) <= parameters.settings.max_advisory_age_s
		age(scan) >= 0 - parameters.clock_skew_s
		source(scan) in parameters.settings.advisory_sources
		filled(scan)
	}
}

complete_enough(_) if parameters.protected == false

complete_enough(scan) if object.get(scan.data, "complete", false) == true

# A service answers from records that it does not count for us.
filled(scan) if source(scan) == "online"

filled(scan) if records(scan) > 0

dependency_scans := [scan |
	some scan in evidence.scans
	object.get(scan, "tool", "") in parameters.tools_that_speak_to("dependency")
]

matched := [scan |
	some scan in dependency_scans
	has_advisories(scan)
]

has_advisories(scan) if is_object(object.get(scan, "data", null))

# Where the tree holds no dependency at all, there is nothing to match.
answers(scan) if scans.absent(scan)

answers(scan) if has_advisories(scan)

source(scan) := object.get(scan.data, "source", "an unnamed source")

records(scan) := object.get(scan.data, "records", 0)

age(scan) := evidence.as_of - object.get(scan.data, "as_of", 0)

about(scan) := {
	"tool": scan.tool,
	"source": source(scan),
	"records": records(scan),
	"environment": evidence.environment,
}
