# A waiver lets one finding of one rule into one environment until one moment, and somebody else than its requester said
# so. It never matches by pattern.
package mintmark.lib.waivers

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.people

presented := evidence.waivers

# Made whole, once, as every set here that is looked up a finding or a waiver: a partial set would be searched each time.
in_force := [waiver |
	some waiver in presented
	sound(waiver)
]

covers := {[waiver.rule, waiver.fingerprint] | some waiver in in_force}

cover(rule, fingerprint) if covers[[rule, fingerprint]]

sound(waiver) if {
	exact(waiver)
	independently_approved(waiver)
	in_scope(waiver)
	unexpired(waiver)
	asked(waiver)
	short_enough(waiver)
	recorded(waiver)
	answered_for(waiver)
}

# The first thing that is wrong with a waiver. Undefined for a sound one.
problem(waiver) := "wildcard" if {
	not exact(waiver)
} else := "sod" if {
	not independently_approved(waiver)
} else := "scope" if {
	not in_scope(waiver)
} else := "expired" if {
	not unexpired(waiver)
} else := "future" if {
	not asked(waiver)
} else := "too_long" if {
	not short_enough(waiver)
} else := "unsigned" if {
	not recorded(waiver)
} else := "approver" if {
	not answered_for(waiver)
}

exact(waiver) if {
	every field in ["rule", "fingerprint", "environment"] {
		value := object.get(waiver, field, "")
		value != ""
		not contains(value, "*")
		not contains(value, "?")
	}
}

# One that was only asked for is approved by nobody, whatever else it says.
independently_approved(waiver) if {
	requester := people.person(object.get(waiver, "requested_by", ""))
	requester != ""
	object.get(waiver, "status", "approved") == "approved"
	some approver in object.get(waiver, "approved_by", [])
	not people.person(approver) in {"", requester}
}

in_scope(waiver) if {
	waiver.environment == evidence.environment
	waiver.rule in parameters.waivable_rules
}

# A waiver ends at its moment of expiry, and not a second later.
unexpired(waiver) if evidence.as_of < object.get(waiver, "expires_epoch", 0)

asked(waiver) if {
	object.get(waiver, "requested_epoch", evidence.as_of + 315360000) <= evidence.as_of + parameters.clock_skew_s
}

terms := object.get(parameters.settings, "waivers", {})

# Every finding that it covers allows that long a waiver. One without a request began in 1970.
short_enough(waiver) if {
	every finding in object.get(covered, waiver.fingerprint, set()) {
		lasts(waiver) <= object.get(terms, ["max_s", finding[0]], 0)
		lasts(waiver) <= object.get(terms, ["max_category_s", finding[1]], lasts(waiver))
	}
}

lasts(waiver) := object.get(waiver, "expires_epoch", 0) - object.get(waiver, "requested_epoch", 0)

# Severity and category of every finding that a waiver names, looked for once and not once a waiver.
covered[mark] contains [object.get(finding, "severity", ""), object.get(finding, "category", "")] if {
	some finding in evidence.findings
	mark := object.get(finding, "fingerprint", "")
	named[mark]
}

named := {object.get(waiver, "fingerprint", "") | some waiver in presented}

recorded(waiver) if object.get(waiver, "means", "") in object.get(terms, "means", [])

answered_for(_) if parameters.protected == false

# In a protected environment a known person asks, and another one, of the groups that may waive, approves.
answered_for(waiver) if {
	requester := people.person(object.get(waiver, "requested_by", ""))
	people.human(requester)
	some name in object.get(waiver, "approved_by", [])
	approver := people.person(name)
	approver != requester
	people.human(approver)
	some group in object.get(terms, "groups", [])
	people.member(approver, group)
}
