# How one finding is judged: which topic owns it, and whether it can be tolerated here.
package mintmark.lib.findings

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.waivers

categories := {
	"code": "code",
	"configuration": "configuration",
	"dependency": "dependency",
	"iac": "iac",
	"licence": "licence",
	"secret": "secret",
	"supply_chain": "supply_chain",
	"workflow": "workflow",
}

# A finding without a known category is judged as code, for somebody has to.
category(finding) := object.get(categories, object.get(finding, "category", ""), "code")

# A finding that somebody silenced in the source belongs to scan.tool_configuration, whatever it is about, so that one
# waiver answers one finding.
owner(_, finding) := "configuration" if object.get(finding, "suppressed_inline", true) != false

owner(own, finding) := own if object.get(finding, "suppressed_inline", true) == false

owned_by(topic) := [finding |
	some finding in evidence.findings
	owner(category(finding), finding) == topic
]

# The positive statement; a refusal is "not tolerable", so that whatever is undefined here is refused.
tolerable(finding) if {
	rank := parameters.severity_rank(object.get(finding, "severity", ""))
	rank < parameters.severity_rank(threshold(finding))
}

# A finding that the last allowed release had may have another threshold; what is not known to be old is new.
threshold(finding) := parameters.known_threshold(category(finding)) if object.get(finding, "new", true) == false

threshold(finding) := parameters.threshold(category(finding)) if object.get(finding, "new", true) != false

fingerprint(finding) := object.get(finding, "fingerprint", "")

refusals(rule, topic) := {refusal |
	some finding in owned_by(topic)
	not tolerable(finding)
	refusal := {"id": rule, "fingerprint": fingerprint(finding), "facts": facts(finding)}
}

# Proof, and not the absence of refusals: a tool that speaks to the topic ran with rules, and each of its findings is
# tolerable or waived.
proven(rule, topic) if {
	looked_for(topic)
	every finding in owned_by(topic) {
		acceptable(rule, finding)
	}
}

acceptable(_, finding) if tolerable(finding)

acceptable(rule, finding) if waivers.cover(rule, fingerprint(finding))

looked_for("configuration") if count(evidence.scans) > 0

looked_for(topic) if {
	some scan in evidence.scans
	object.get(scan, "tool", "") in parameters.tools_that_speak_to(topic)
	object.get(scan, "rules", 0) > 0
}

facts(finding) := {
	"reason": reason(finding),
	"environment": evidence.environment,
	"threshold": threshold(finding),
	"new": object.get(finding, "new", true),
	"category": category(finding),
	"tool": object.get(finding, "tool", ""),
	"rule": object.get(finding, "rule", ""),
	"title": object.get(finding, "title", ""),
	"severity": object.get(finding, "severity", "unknown"),
	"confidence": object.get(finding, "confidence", "unknown"),
	"cwe": object.get(finding, "cwe", []),
	"path": object.get(finding, "path", ""),
	"line": object.get(finding, "line", 0),
	"resource": object.get(finding, "resource", ""),
	"package": object.get(finding, "package", ""),
	"version": object.get(finding, "version", ""),
	"fixed_in": object.get(finding, "fixed_in", []),
	"aliases": object.get(finding, "aliases", []),
}

reason(finding) := "suppressed" if object.get(finding, "suppressed_inline", true) != false

reason(finding) := "finding" if object.get(finding, "suppressed_inline", true) == false
