# METADATA
# title: Scanners and their rules are those that the policy pins
# description: >-
#   A scan by another version of a scanner than the pinned ones, with other rules than the pinned ones, or by a scanner
#   that the policy does not know, is refused; a scan that does not say its version leaves the release undecided.
# custom:
#   id: scan.tool_version
#   severity: high
#   controls: [MM-SCN-04]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if reason == "unknown_version" %}nothing says which version of {{ tool }} ran{% elif reason == "rules_digest" %}{{ tool }} ran with the rules {{ found }}, and {{ expected | join(" or ") }} is pinned{% elif expected %}{{ tool }} ran as version {{ found }}, and {{ expected | join(" or ") }} is pinned{% else %}{{ tool }} is a scanner that the policy does not know{% endif %}
#   why: An older scanner, or one with fewer rules, finds less, and its clean report looks like any other.
#   accepted: The versions in the lock of the scanners that ship with Mintmark, with its rules; and reports of other tools where the environment lists them.
#   remedy: Run `mintmark scan` with the pinned tools; after an upgrade of a scanner or of a rule, build the policy again and have it reviewed.
package mintmark.gates.scan.tool_version

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans

id := "scan.tool_version"

gaps contains {"id": id, "facts": {"reason": "unknown_version", "tool": scans.tool(scan)}} if {
	some scan in pinnable
	version(scan) in unknown
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in pinnable
	not version(scan) in unknown
	not pinned_version(scan)
	facts := {
		"reason": "tool_version",
		"tool": scans.tool(scan),
		"found": version(scan),
		"expected": parameters.pinned_versions(scans.tool(scan)),
	}
}

# A scanner that gave no version gave no rules either.
refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in pinnable
	not version(scan) in unknown
	not pinned_rules(scan)
	facts := {
		"reason": "rules_digest",
		"tool": scans.tool(scan),
		"found": digest(scan),
		"expected": parameters.pinned_digests(scans.tool(scan)),
	}
}

default satisfied := false

satisfied if {
	count(evidence.scans) > 0
	every scan in pinnable {
		pinned_version(scan)
		pinned_rules(scan)
	}
}

pinnable := [scan |
	some scan in evidence.scans
	not vouched(scan)
]

vouched(scan) if scans.absent(scan)

vouched(scan) if scans.imported(scan)

vouched(scan) if scans.tool(scan) in parameters.own_tools

unknown := {"", "unknown"}

version(scan) := object.get(scan, "tool_version", "")

digest(scan) := object.get(scan, "rules_digest", "")

pinned_version(scan) if version(scan) in parameters.pinned_versions(scans.tool(scan))

pinned_rules(scan) if count(parameters.pinned_digests(scans.tool(scan))) == 0

pinned_rules(scan) if digest(scan) in parameters.pinned_digests(scans.tool(scan))
