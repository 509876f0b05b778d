# METADATA
# title: Scans are recent
# description: >-
#   A scan that ended longer ago than the environment allows, or that claims to have run in the future, is refused.
# custom:
#   id: scan.fresh
#   severity: medium
#   controls: [MM-SCN-03]
#   waivable: false
#   bypassable: true
#   message: >-
#     {% if reason == "stale" %}the scan by {{ tool }} is {{ age_s }} s old, and {{ max_age_s }} s are allowed{% elif reason == "future" %}the scan by {{ tool }} says that it ended {{ ahead_s }} s after the moment of this decision{% else %}the scan by {{ tool }} says that it ended before it began{% endif %}
#   why: What is known about weaknesses grows every day, so that an old scan says little, and a time that cannot be is a sign of a forged one.
#   accepted: Scans that ended within the age that the environment allows, with at most the allowed clock skew.
#   remedy: Run `mintmark scan` again, on a machine whose clock is right.
package mintmark.gates.scan.fresh

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

id := "scan.fresh"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in evidence.scans
	age(scan) > parameters.settings.max_scan_age_s
	facts := {
		"reason": "stale",
		"tool": tool(scan),
		"age_s": age(scan),
		"max_age_s": parameters.settings.max_scan_age_s,
	}
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in evidence.scans
	ahead := 0 - age(scan)
	ahead > parameters.clock_skew_s
	facts := {"reason": "future", "tool": tool(scan), "ahead_s": ahead}
}

refusals contains {"id": id, "fingerprint": "", "facts": {"reason": "order", "tool": tool(scan)}} if {
	some scan in evidence.scans
	finished(scan) < started(scan)
}

default satisfied := false

satisfied if {
	count(evidence.scans) > 0
	every scan in evidence.scans {
		recent(scan)
	}
}

recent(scan) if {
	age(scan) <= parameters.settings.max_scan_age_s
	age(scan) >= 0 - parameters.clock_skew_s
	started(scan) <= finished(scan)
}

tool(scan) := object.get(scan, "tool", "an unnamed tool")

# Without a time a scan counts as made in 1970; without a beginning, as one that never began.
finished(scan) := object.get(scan, "finished_at", 0)

started(scan) := object.get(scan, "started_at", evidence.as_of + 315360000)

age(scan) := evidence.as_of - finished(scan)
