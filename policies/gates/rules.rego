# Made by scripts/build_policies.py: the rules, by their places. A rule that is missing here is missing from
# `satisfied`, and the gate refuses an ALLOW without it.
package mintmark.rules

import data.mintmark.gates.advisories.source as advisories_source
import data.mintmark.gates.break_glass.invalid as break_glass_invalid
import data.mintmark.gates.break_glass.reviewed as break_glass_reviewed
import data.mintmark.gates.change.pipeline as change_pipeline
import data.mintmark.gates.code.dangerous_finding as code_dangerous_finding
import data.mintmark.gates.deps.known_vulnerability as deps_known_vulnerability
import data.mintmark.gates.freeze.window as freeze_window
import data.mintmark.gates.iac.misconfiguration as iac_misconfiguration
import data.mintmark.gates.promotion.order as promotion_order
import data.mintmark.gates.provenance.matches as provenance_matches
import data.mintmark.gates.provenance.origin as provenance_origin
import data.mintmark.gates.review.approved as review_approved
import data.mintmark.gates.review.current as review_current
import data.mintmark.gates.review.independent as review_independent
import data.mintmark.gates.sbom.matches as sbom_matches
import data.mintmark.gates.scan.complete as scan_complete
import data.mintmark.gates.scan.fresh as scan_fresh
import data.mintmark.gates.scan.required_tools as scan_required_tools
import data.mintmark.gates.scan.tool_configuration as scan_tool_configuration
import data.mintmark.gates.secrets.hardcoded as secrets_hardcoded
import data.mintmark.gates.waiver.invalid as waiver_invalid

proofs := {
	"advisories.source": advisories_source.satisfied,
	"break_glass.invalid": break_glass_invalid.satisfied,
	"break_glass.reviewed": break_glass_reviewed.satisfied,
	"change.pipeline": change_pipeline.satisfied,
	"code.dangerous_finding": code_dangerous_finding.satisfied,
	"deps.known_vulnerability": deps_known_vulnerability.satisfied,
	"freeze.window": freeze_window.satisfied,
	"iac.misconfiguration": iac_misconfiguration.satisfied,
	"promotion.order": promotion_order.satisfied,
	"provenance.matches": provenance_matches.satisfied,
	"provenance.origin": provenance_origin.satisfied,
	"review.approved": review_approved.satisfied,
	"review.current": review_current.satisfied,
	"review.independent": review_independent.satisfied,
	"sbom.matches": sbom_matches.satisfied,
	"scan.complete": scan_complete.satisfied,
	"scan.fresh": scan_fresh.satisfied,
	"scan.required_tools": scan_required_tools.satisfied,
	"scan.tool_configuration": scan_tool_configuration.satisfied,
	"secrets.hardcoded": secrets_hardcoded.satisfied,
	"waiver.invalid": waiver_invalid.satisfied,
}

refusals := [
	advisories_source.refusals,
	break_glass_invalid.refusals,
	break_glass_reviewed.refusals,
	change_pipeline.refusals,
	code_dangerous_finding.refusals,
	deps_known_vulnerability.refusals,
	iac_misconfiguration.refusals,
	promotion_order.refusals,
	provenance_matches.refusals,
	provenance_origin.refusals,
	review_approved.refusals,
	review_current.refusals,
	review_independent.refusals,
	sbom_matches.refusals,
	scan_fresh.refusals,
	scan_tool_configuration.refusals,
	secrets_hardcoded.refusals,
	waiver_invalid.refusals,
]

gaps := [
	advisories_source.gaps,
	break_glass_invalid.gaps,
	break_glass_reviewed.gaps,
	change_pipeline.gaps,
	freeze_window.gaps,
	promotion_order.gaps,
	provenance_matches.gaps,
	provenance_origin.gaps,
	review_approved.gaps,
	review_independent.gaps,
	sbom_matches.gaps,
	scan_complete.gaps,
	scan_required_tools.gaps,
]

warnings := [
	break_glass_invalid.warnings,
	review_current.warnings,
	waiver_invalid.warnings,
]
