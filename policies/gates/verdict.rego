# The verdict over one input: the one entry point of the policy.
#
# Default deny. ALLOW needs the proof of every rule; violations and gaps explain why it is missing. A violation decides
# before a gap does: a release with a known weakness is denied even where a scan is incomplete.
package mintmark.gate

import data.mintmark.lib.break_glass
import data.mintmark.lib.evidence
import data.mintmark.lib.waivers
import data.mintmark.rules

refused contains refusal if {
	some group in rules.refusals
	some refusal in group
	not waivers.cover(refusal.id, refusal.fingerprint)
}

violations contains refusal if {
	some refusal in refused
	not break_glass.lets_through(refusal.id)
}

waived contains {"id": waiver.rule, "fingerprint": waiver.fingerprint, "waiver": waiver.id} if {
	some waiver in waivers.in_force
	objected[[waiver.rule, waiver.fingerprint]]
}

objected := {[refusal.id, refusal.fingerprint] |
	some group in rules.refusals
	some refusal in group
}

missing contains gap if {
	some group in rules.gaps
	some gap in group
}

# What is neither proven nor refused was never shown to hold.
missing contains {"id": id, "facts": {"reason": "not_proven", "environment": evidence.environment}} if {
	some id, proof in rules.proofs
	proof != true
	not explained[id]
}

incomplete contains gap if {
	some gap in missing
	not break_glass.lets_through(gap.id)
}

bypassed contains entry if {
	some refusal in refused
	break_glass.lets_through(refusal.id)
	entry := object.union(refusal, {"break_glass": break_glass.id})
}

bypassed contains entry if {
	some gap in missing
	break_glass.lets_through(gap.id)
	entry := object.union(gap, {"fingerprint": "", "break_glass": break_glass.id})
}

explained := {refusal.id | some refusal in refused} | {gap.id |
	some group in rules.gaps
	some gap in group
}

warnings contains warning if {
	some group in rules.warnings
	some warning in group
}

satisfied contains id if {
	some id, proof in rules.proofs
	proof == true
	not explained[id]
}

holds(_, proof) if proof == true

holds(id, _) if {
	some entry in bypassed
	entry.id == id
}

default decision := "DENY"

decision := "INCOMPLETE" if {
	count(violations) == 0
	count(incomplete) > 0
}

decision := "ALLOW" if {
	count(violations) == 0
	count(incomplete) == 0
	every id, proof in rules.proofs {
		holds(id, proof)
	}
}

# Sets, in no order: sorting objects costs quadratic time in WebAssembly. The gate puts them in order, in the same way
# for every engine.
verdict := {
	"decision": decision,
	"violations": violations,
	"incomplete": incomplete,
	"satisfied": satisfied,
	"waived": waived,
	"bypassed": bypassed,
	"warnings": warnings,
}
