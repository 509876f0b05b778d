# The verdict over one input: the one entry point of the policy.
#
# Default deny. ALLOW needs the proof of every rule below; violations and gaps explain why it is missing. A violation
# decides before a gap does: a release with a known weakness is denied even where a scan is incomplete.
package mintmark.gate

import data.mintmark.gates.advisories.source as advisories_source
import data.mintmark.gates.code.dangerous_finding
import data.mintmark.gates.deps.known_vulnerability
import data.mintmark.gates.iac.misconfiguration
import data.mintmark.gates.provenance.matches as provenance_matches
import data.mintmark.gates.provenance.origin as provenance_origin
import data.mintmark.gates.sbom.matches as sbom_matches
import data.mintmark.gates.scan.complete as scan_complete
import data.mintmark.gates.scan.fresh as scan_fresh
import data.mintmark.gates.scan.required_tools
import data.mintmark.gates.scan.tool_configuration
import data.mintmark.gates.secrets.hardcoded
import data.mintmark.gates.waiver.invalid as waiver_invalid
import data.mintmark.lib.evidence
import data.mintmark.lib.waivers

# Every rule, by name. One that is missing here is missing from `satisfied`, and the gate refuses an ALLOW without it.
proofs := {
	"advisories.source": advisories_source.satisfied,
	"code.dangerous_finding": dangerous_finding.satisfied,
	"deps.known_vulnerability": known_vulnerability.satisfied,
	"iac.misconfiguration": misconfiguration.satisfied,
	"provenance.matches": provenance_matches.satisfied,
	"provenance.origin": provenance_origin.satisfied,
	"sbom.matches": sbom_matches.satisfied,
	"scan.complete": scan_complete.satisfied,
	"scan.fresh": scan_fresh.satisfied,
	"scan.required_tools": required_tools.satisfied,
	"scan.tool_configuration": tool_configuration.satisfied,
	"secrets.hardcoded": hardcoded.satisfied,
	"waiver.invalid": waiver_invalid.satisfied,
}

refusals := [
	advisories_source.refusals,
	dangerous_finding.refusals,
	known_vulnerability.refusals,
	misconfiguration.refusals,
	provenance_matches.refusals,
	provenance_origin.refusals,
	sbom_matches.refusals,
	scan_fresh.refusals,
	tool_configuration.refusals,
	hardcoded.refusals,
	waiver_invalid.refusals,
]

gaps := [
	advisories_source.gaps,
	provenance_matches.gaps,
	provenance_origin.gaps,
	sbom_matches.gaps,
	scan_complete.gaps,
	required_tools.gaps,
]

violations contains refusal if {
	some group in refusals
	some refusal in group
	not waivers.cover(refusal.id, refusal.fingerprint)
}

waived contains {"id": refusal.id, "fingerprint": refusal.fingerprint, "waiver": waiver.id} if {
	some group in refusals
	some refusal in group
	waivers.cover(refusal.id, refusal.fingerprint)
	some waiver in waivers.presented
	waiver.rule == refusal.id
	waiver.fingerprint == refusal.fingerprint
	waivers.sound(waiver)
}

explained contains violation.id if some violation in violations

explained contains gap.id if {
	some group in gaps
	some gap in group
}

incomplete contains gap if {
	some group in gaps
	some gap in group
}

# What is neither proven nor refused was never shown to hold.
incomplete contains {"id": id, "facts": {"reason": "not_proven", "environment": evidence.environment}} if {
	some id, proof in proofs
	proof != true
	not explained[id]
}

satisfied contains id if {
	some id, proof in proofs
	proof == true
	not explained[id]
}

default decision := "DENY"

decision := "INCOMPLETE" if {
	count(violations) == 0
	count(incomplete) > 0
}

decision := "ALLOW" if {
	count(violations) == 0
	count(incomplete) == 0
	every proof in proofs {
		proof == true
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
}
