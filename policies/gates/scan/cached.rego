# METADATA
# title: Scan results come from no cache that others can write
# description: >-
#   A scan whose results were taken from a cache that the environment does not accept is refused.
# custom:
#   id: scan.cached
#   severity: high
#   controls: [MM-SCN-05]
#   waivable: false
#   bypassable: false
#   message: >-
#     the results of {{ tool }} are from a cache ({{ cached }}), and {{ environment }} accepts {{ accepted | join(", ") or "none" }}
#   why: Who can write into a cache can put a clean result there for a file that is not.
#   accepted: Results of this very run; where the environment is not protected, also those of a cache of the same machine.
#   remedy: Run `mintmark scan` without a cache.
package mintmark.gates.scan.cached

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans

id := "scan.cached"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in evidence.scans
	not accepted(scan)
	facts := {
		"reason": "cache_untrusted",
		"tool": scans.tool(scan),
		"cached": cached(scan),
		"accepted": parameters.scan_caches,
		"environment": evidence.environment,
	}
}

default satisfied := false

satisfied if {
	count(evidence.scans) > 0
	every scan in evidence.scans {
		accepted(scan)
	}
}

accepted(scan) if cached(scan) in parameters.scan_caches

cached(scan) := object.get(scan, "cached", "unknown")
