package mintmark.gates.change.pipeline_test

import data.mintmark.gates.change.pipeline as rule
import data.mintmark.lib.releases
import data.mintmark.lib.testing

changing(files) := releases.replaced("/change/files", files)

test_other_files_may_change if {
	every files in [[], ["service/src/florin/app.py"], ["mintmark.toml.md", "docs/people.toml", ".github/CODEOWNERS"]] {
		count(rule.refusals) == 0 with input as changing(files)
		rule.satisfied with input as changing(files)
	}
}

test_each_part_of_the_pipeline_has_owners if {
	files := [
		".ci/run.sh",
		".github/actions/sign/action.yml",
		".github/workflows/ship.yml",
		"mintmark.toml",
		"people.toml",
		"policies/gates/data.json",
		"waivers/W-1.toml",
	]
	count(files) == count(data.mintmark.params.pipeline_files)
	every file in files {
		testing.reasons(rule.refusals) == {"workflow_changed"} with input as changing(["a.py", file])
		not rule.satisfied with input as changing(["a.py", file])
	}
}

test_a_folder_is_all_that_lies_in_it if {
	document := changing([".github/workflows/deep/ship.yml", "policies/a", "policies/b"])
	some refusal in rule.refusals with input as document
	refusal.facts.files == 3
	refusal.facts.parts == [".github/workflows/", "policies/"]
}

owner_approved(changes) := json.patch(
	changing(["mintmark.toml"]),
	[{"op": "add", "path": "/approvals/-", "value": object.union(
		releases.sound.approvals[0],
		object.union({"id": "A-2", "person": "cleo"}, changes),
	)}],
)

test_an_owner_may_let_it_through if {
	count(rule.refusals) == 0 with input as owner_approved({})
	rule.satisfied with input as owner_approved({})
}

test_an_owners_word_for_something_else_does_not if {
	every changes in [{"sha256": "b"}, {"environment": "local"}, {"expires_epoch": 1}] {
		testing.reasons(rule.refusals) == {"workflow_changed"} with input as owner_approved(changes)
		not rule.satisfied with input as owner_approved(changes)
	}
}

test_an_owners_no_stands_until_the_same_owner_says_yes if {
	testing.reasons(rule.refusals) == {"rejected", "workflow_changed"} with input as owner_approved({"verdict": "reject"})
	no := object.union(releases.sound.approvals[0], {"id": "A-3", "person": "cleo", "verdict": "reject"})
	before := object.union(no, {"at_epoch": no.at_epoch - 1})
	twice := json.patch(owner_approved({}), [{"op": "add", "path": "/approvals/-", "value": no}])
	testing.reasons(rule.refusals) == {"rejected", "workflow_changed"} with input as twice
	not rule.satisfied with input as twice
	rule.satisfied with input as json.patch(owner_approved({}), [{"op": "add", "path": "/approvals/-", "value": before}])
}

test_without_its_files_a_change_proves_nothing if {
	every path in ["/change", "/change/present", "/change/files"] {
		testing.reasons(rule.gaps) == {"no_change"} with input as releases.removed(path)
		not rule.satisfied with input as releases.removed(path)
	}
}

test_local_asks_nobody if {
	rule.satisfied with input as testing.replaced("/change/files", ["mintmark.toml"])
}
