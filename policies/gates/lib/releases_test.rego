# What the tests of people and time share: a release in the environment that canaries use, approved by one who may.
package mintmark.lib.releases

import data.mintmark.lib.testing

sound := testing.patched([
	{"op": "replace", "path": "/environment/name", "value": "rehearsal"},
	{"op": "replace", "path": "/approvals/0/environment", "value": "rehearsal"},
	{"op": "add", "path": "/promotions/-", "value": {
		"environment": "staging",
		"sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"decision_id": "D-1",
		"deployed_epoch": 1789990000,
	}},
])

replaced(path, value) := json.patch(sound, [{"op": "replace", "path": path, "value": value}])

removed(path) := json.patch(sound, [{"op": "remove", "path": path}])

approved_too(changes) := json.patch(sound, [{
	"op": "add",
	"path": "/approvals/-",
	"value": object.union(sound.approvals[0], object.union({"id": "A-2"}, changes)),
}])
