package mintmark.lib.people_test

import data.mintmark.lib.people
import data.mintmark.lib.testing

test_a_member_is_one_from_the_first_second_to_the_last if {
	people.member("ben", "release-approvers") with input as testing.patched([])
	people.member(" BEN ", "release-approvers") with input as testing.patched([])
	every field, value in {"from_epoch": 1790000001, "until_epoch": 1790000000} {
		path := sprintf("/people/1/groups/0/%s", [field])
		not people.member("ben", "release-approvers") with input as testing.replaced(path, value)
	}
	people.member_at("ben", "release-approvers", 1700000000) with input as testing.patched([])
	not people.member_at("ben", "release-approvers", 1699999999) with input as testing.patched([])
	not people.member_at("ben", "release-approvers", 1900000000) with input as testing.patched([])
}

test_nobody_else_is_one if {
	not people.member("ana", "release-approvers") with input as testing.patched([])
	not people.member("nobody", "release-approvers") with input as testing.patched([])
}

test_only_who_is_known_to_be_human_is_human if {
	people.human("ben") with input as testing.patched([])
	people.bot("nobody") with input as testing.patched([])
	people.bot("ben") with input as testing.replaced("/people/1/bot", true)
}

test_everybody_who_had_a_hand_in_it_contributed if {
	change := {"author": "ana", "committer": "Ben", "requester": "cleo", "co_authors": ["dag"], "contributors": ["eve"]}
	people.contributors == {"ana", "ben", "cleo", "dag", "eve"} with input as testing.replaced("/change", change)
}

test_each_part_in_a_change_has_its_name if {
	change := {"author": "ana", "committer": "ben", "requester": "dag", "co_authors": ["Cleo"], "contributors": ["eve"]}
	everybody := testing.patched([
		{"op": "replace", "path": "/change", "value": change},
		{"op": "add", "path": "/people/-", "value": {"id": "eve", "bot": false, "groups": []}},
		{"op": "add", "path": "/people/-", "value": {"id": "ci", "bot": true, "groups": []}},
		{"op": "add", "path": "/people/-", "value": {"id": "fay", "bot": false, "groups": []}},
	])
	every role, name in {
		"author": "ana",
		"committer": " Ben ",
		"co_author": "cleo",
		"requester": "dag",
		"contributor": "eve",
		"bot": "ci",
		"unknown": "gus",
	} {
		people.role(name) == role with input as everybody
		not people.independent(name) with input as everybody
	}
	not people.role("fay") with input as everybody
	people.independent("fay") with input as everybody
}
