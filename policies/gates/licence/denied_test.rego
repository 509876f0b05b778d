package mintmark.gates.licence.denied_test

import data.mintmark.gates.licence.denied as rule
import data.mintmark.lib.testing

under(changes) := testing.with_finding(7, object.union(
	{"category": "licence", "severity": "info", "tool": "licences", "rule": "licence-other", "package": "pkg"},
	changes,
))

denied(changes) if {
	testing.reasons(rule.refusals) == {"denied"} with input as under(changes)
	not rule.satisfied with input as under(changes)
}

accepted(changes) if {
	count(rule.refusals) == 0 with input as under(changes)
	rule.satisfied with input as under(changes)
}

test_the_baseline_is_proven if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_a_denied_licence_is_refused_however_it_is_written if {
	every aliases in [["AGPL-3.0-only"], ["MIT", "AGPL-3.0-or-later"], ["agpl-3.0-ONLY"], ["AGPL-3.0+"], [" SSPL-1.0 "]] {
		denied({"aliases": aliases, "resource": ""})
	}
	every expression in [
		"AGPL-3.0-only",
		"agpl-3.0+",
		"MIT AND AGPL-3.0-only",
		"(MIT AND BUSL-1.1)",
		"AGPL-3.0-only OR SSPL-1.0",
		"MIT AND (Apache-2.0 OR AGPL-3.0-only)",
		"AGPL-3.0-only WITH Classpath-exception-2.0",
		"MIT\nAND\tAGPL-3.0-only",
		"MIT/AGPL-3.0-only",
		"MIT OR Zlib, AGPL-3.0-only",
		"MIT;SSPL-1.0",
	] {
		denied({"aliases": [], "resource": expression})
	}
}

test_a_licence_that_is_not_denied_is_accepted if {
	accepted({"aliases": ["LGPL-3.0-only"], "resource": "LGPL-3.0-only"})
	accepted({"aliases": ["GPL-2.0-only"], "resource": "AGPL-3.0-only OR GPL-2.0-only"})
	accepted({"resource": "LGPL-2.1-or-later"})
	accepted({"resource": "AGPL-3.0-only OR (GPL-2.0-only)"})
}

test_an_unknown_licence_is_weighed_by_its_severity if {
	unknown := {"rule": "licence-unknown", "resource": "unknown", "severity": "high"}
	testing.reasons(rule.refusals) == {"unknown"} with input as under(unknown)
	not rule.satisfied with input as under(unknown)
	accepted(object.union(unknown, {"severity": "low"}))
}

test_a_licence_finding_that_names_none_is_unknown_whatever_its_severity if {
	every expression in ["", "unknown", "NOASSERTION", "NONE", " ( ) "] {
		testing.reasons(rule.refusals) == {"unknown"} with input as under({"resource": expression})
	}
}

test_any_other_licence_finding_is_weighed_by_its_severity if {
	other := {"rule": "licence-conflict", "resource": "MPL-2.0", "severity": "critical"}
	testing.reasons(rule.refusals) == {"finding"} with input as under(other)
}

test_no_comment_makes_a_denied_licence_allowed if {
	silenced := {"suppressed_inline": true, "resource": "AGPL-3.0-only"}
	testing.reasons(rule.refusals) == {"denied"} with input as under(silenced)
	rule.satisfied with input as under({"suppressed_inline": true, "resource": "MPL-2.0"})
}

test_a_waiver_lets_one_of_them_through if {
	waived := json.patch(under({"resource": "AGPL-3.0-only"}), [{"op": "add", "path": "/waivers/-", "value": {
		"id": "W-1",
		"rule": "licence.denied",
		"fingerprint": testing.finding.fingerprint,
		"environment": "local",
		"requested_by": "ana",
		"approved_by": ["ben"],
		"expires_epoch": 1790086400,
		"requested_epoch": 1789990000,
		"means": "record",
		"status": "approved",
		"reason": "a commercial licence was bought",
	}}])
	rule.satisfied with input as waived
}

test_where_nobody_decided_what_is_denied_nothing_is_proven if {
	not rule.satisfied with input as testing.patched([]) with data.mintmark.params.licences as null
	rule.satisfied with input as testing.patched([]) with data.mintmark.params.licences as {"denied": []}
}

test_without_a_look_at_licences_nothing_is_proven if {
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/scans/7"}])
}
