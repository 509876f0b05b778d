# Made by scripts/build_policies.py: the rules, by their places. A rule that is missing here is missing from
# `satisfied`, and the gate refuses an ALLOW without it.
package mintmark.waivable

import data.mintmark.gates.code.dangerous_finding as code_dangerous_finding
import data.mintmark.gates.deps.known_vulnerability as deps_known_vulnerability
import data.mintmark.gates.deps.supply_chain as deps_supply_chain
import data.mintmark.gates.iac.misconfiguration as iac_misconfiguration
import data.mintmark.gates.licence.denied as licence_denied
import data.mintmark.gates.scan.tool_configuration as scan_tool_configuration
import data.mintmark.gates.secrets.hardcoded as secrets_hardcoded
import data.mintmark.gates.workflow.hardening as workflow_hardening

refusals := [
	code_dangerous_finding.refusals,
	deps_known_vulnerability.refusals,
	deps_supply_chain.refusals,
	iac_misconfiguration.refusals,
	licence_denied.refusals,
	scan_tool_configuration.refusals,
	secrets_hardcoded.refusals,
	workflow_hardening.refusals,
]
