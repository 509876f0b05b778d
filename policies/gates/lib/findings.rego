# How one finding is judged: which topic owns it, and whether it can be tolerated here.
package mintmark.lib.findings

import data.mintmark.lib.evidence
import data.mintmark.lib.parameters
import data.mintmark.lib.scans
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
owner(finding) := category(finding) if open(finding)

owner(finding) := "configuration" if not open(finding)

open(finding) if object.get(finding, "suppressed_inline", true) == false

# Each finding is looked at once, and not once for each topic.
by_owner := [[owner(finding), finding] | some finding in evidence.findings]

owned := {topic: found |
	some topic in categories
	found := [entry[1] | some entry in by_owner; entry[0] == topic]
}

of_category(wanted) := [finding |
	some finding in evidence.findings
	category(finding) == wanted
]

# The positive statement; a refusal is "not tolerable", so that whatever is undefined here is refused. Where nobody knows
# what a finding is about, its severity says nothing.
tolerable(finding) if {
	object.get(finding, "category", "") in categories
	rank := parameters.severity_rank(object.get(finding, "severity", ""))
	rank < parameters.severity_rank(threshold(finding))
}

# A finding that the last allowed release had may have another threshold; what is not known to be old is new.
threshold(finding) := parameters.known_threshold(category(finding)) if object.get(finding, "new", true) == false

threshold(finding) := parameters.threshold(category(finding)) if object.get(finding, "new", true) != false

fingerprint(finding) := object.get(finding, "fingerprint", "")

refusals(rule, topic) := {refusal |
	some finding in owned[topic]
	not tolerable(finding)
	refusal := {"id": rule, "fingerprint": fingerprint(finding), "facts": facts(finding)}
}

# Proof, and not the absence of refusals: a tool that speaks to the topic ran with rules, and each of its findings is
# tolerable or waived.
proven(rule, topic) if {
	looked_for(topic)
	every finding in owned[topic] {
		acceptable(rule, finding)
	}
}

acceptable(_, finding) if tolerable(finding)

acceptable(rule, finding) if waivers.cover(rule, fingerprint(finding))

looked_for(topic) if {
	some scan in speaking_to(topic)
	object.get(scan, "rules", 0) > 0
}

# Nor is there anything to find where no tool that speaks to the topic had anything of its kind.
looked_for(topic) if {
	count(speaking_to(topic)) > 0
	every scan in speaking_to(topic) {
		scans.absent(scan)
	}
}

speaking_to(topic) := [scan |
	some scan in evidence.scans
	scans.tool(scan) in parameters.tools_that_speak_to(topic)
]

facts(finding) := about(finding) if open(finding)

# Who silenced it, by the history of the line.
facts(finding) := object.union(about(finding), silenced) if {
	not open(finding)
	silenced := {
		"author": object.get(finding, ["suppressed_by", "author"], "somebody unknown"),
		"commit": object.get(finding, ["suppressed_by", "commit"], ""),
	}
}

about(finding) := {
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

reason(finding) := parameters.finding_reason(category(finding), object.get(finding, "rule", "")) if open(finding)

# A comment that came with this change is worse than one which was allowed before.
reason(finding) := "suppressed_new" if {
	not open(finding)
	object.get(finding, "new", true) != false
}

reason(finding) := "suppressed" if {
	not open(finding)
	object.get(finding, "new", true) == false
}
