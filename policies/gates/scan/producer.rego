# METADATA
# title: Scans come from who may scan
# description: >-
#   A scan that was signed by a producer of an origin that the environment does not trust, or a report that was made
#   elsewhere by a tool from which the environment takes no reports, is refused.
# custom:
#   id: scan.producer
#   severity: critical
#   controls: [MM-SCN-05]
#   waivable: false
#   bypassable: false
#   message: >-
#     {% if what == "origin" %}the scan by {{ tool }} was produced by {{ producer }} of origin {{ origin }}, which {{ environment }} does not trust{% else %}the scan by {{ tool }} is a report that was made elsewhere ({{ means }}), and {{ environment }} takes none of that tool{% endif %}
#   why: A file that says "no findings" is written in a second, so that only who ran the scanner can say what it found.
#   accepted: Scans that Mintmark ran itself, or of tools whose reports the environment takes, signed by a producer of a trusted origin; protected environments trust no local one.
#   remedy: Let the pipeline that the environment trusts run the scanner, or have the tool added to the environment's imported_tools.
package mintmark.gates.scan.producer

import data.mintmark.lib.evidence
import data.mintmark.lib.origins
import data.mintmark.lib.scans

id := "scan.producer"

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in evidence.scans
	not origins.accepted(origins.of(scan))
	facts := object.union(about(scan), {"what": "origin"})
}

refusals contains {"id": id, "fingerprint": "", "facts": facts} if {
	some scan in evidence.scans
	not scans.counts(scan)
	facts := object.union(about(scan), {"what": "import"})
}

default satisfied := false

satisfied if {
	count(evidence.scans) > 0
	every scan in evidence.scans {
		origins.accepted(origins.of(scan))
		scans.counts(scan)
		producer(scan) != ""
	}
}

producer(scan) := object.get(scan, ["producer", "id"], "")

about(scan) := {
	"reason": "producer_mismatch",
	"tool": scans.tool(scan),
	"means": object.get(scan, "means", "unknown"),
	"origin": origins.of(scan),
	"producer": producer(scan),
	"environment": evidence.environment,
}
