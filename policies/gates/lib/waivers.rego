# A waiver lets one finding of one rule into one environment until one moment, and somebody else than its requester said
# so. It never matches by pattern.
package mintmark.lib.waivers

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters

presented := evidence.waivers

in_force contains [waiver.rule, waiver.fingerprint] if {
	some waiver in presented
	sound(waiver)
}

cover(rule, fingerprint) if in_force[[rule, fingerprint]]

sound(waiver) if {
	exact(waiver)
	independently_approved(waiver)
	in_scope(waiver)
	unexpired(waiver)
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
}

exact(waiver) if {
	every field in ["rule", "fingerprint", "environment"] {
		value := object.get(waiver, field, "")
		value != ""
		not contains(value, "*")
		not contains(value, "?")
	}
}

independently_approved(waiver) if {
	requester := person(object.get(waiver, "requested_by", ""))
	requester != ""
	some approver in object.get(waiver, "approved_by", [])
	not person(approver) in {"", requester}
}

person(name) := lower(trim_space(name))

in_scope(waiver) if {
	waiver.environment == evidence.environment
	waiver.rule in parameters.waivable_rules
}

# A waiver ends at its moment of expiry, and not a second later.
unexpired(waiver) if evidence.as_of < object.get(waiver, "expires_epoch", 0)
