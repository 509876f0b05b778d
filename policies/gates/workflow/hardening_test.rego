package mintmark.gates.workflow.hardening_test

import data.mintmark.gates.workflow.hardening as rule
import data.mintmark.lib.testing

found(changes) := testing.with_finding(6, object.union(
	{"category": "workflow", "severity": "high", "tool": "zizmor", "rule": "template-injection"},
	changes,
))

test_where_the_tree_has_no_workflow_nothing_is_refused if {
	count(rule.refusals) == 0 with input as testing.patched([])
	rule.satisfied with input as testing.patched([])
}

test_each_audit_is_refused_by_what_it_means if {
	every audit, reason in {
		"template-injection": "workflow_injection",
		"unpinned-uses": "workflow_unpinned",
		"unpinned-images": "workflow_unpinned",
		"known-vulnerable-actions": "workflow_unpinned",
		"impostor-commit": "workflow_unpinned",
		"ref-confusion": "workflow_unpinned",
		"forbidden-uses": "workflow_unpinned",
		"dangerous-triggers": "workflow_trigger",
		"bot-conditions": "workflow_trigger",
		"excessive-permissions": "workflow_permissions",
		"secrets-inherit": "workflow_permissions",
		"overprovisioned-secrets": "workflow_permissions",
		"artipacked": "workflow_finding",
		"github-env": "workflow_finding",
		"an audit of next year": "workflow_finding",
		"cache-poisoning": "cache_untrusted",
	} {
		testing.reasons(rule.refusals) == {reason} with input as found({"rule": audit})
		not rule.satisfied with input as found({"rule": audit})
	}
}

test_what_is_below_the_threshold_is_tolerated if {
	rule.satisfied with input as found({"severity": "low"})
}

test_without_a_look_at_the_workflows_nothing_is_proven if {
	not rule.satisfied with input as testing.patched([{"op": "remove", "path": "/scans/6"}])
}
