# What the tests beside the rules share: the baseline, patched.
package mintmark.lib.testing

patched(operations) := json.patch(data.mintmark_test.baseline, operations)

replaced(path, value) := patched([{"op": "replace", "path": path, "value": value}])

with_finding(scan, changes) := patched([{
	"op": "add",
	"path": sprintf("/scans/%d/findings/-", [scan]),
	"value": object.union(finding, changes),
}])

finding := {
	"tool": "bandit",
	"rule": "B608",
	"title": "SQL statement built from text",
	"category": "code",
	"severity": "high",
	"confidence": "high",
	"cwe": ["CWE-89"],
	"path": "service/src/florin/ledger/queries.py",
	"line": 41,
	"resource": "",
	"package": "",
	"version": "",
	"fixed_in": [],
	"aliases": [],
	"fingerprint": "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1",
	"suppressed_inline": false,
}

without(value, key) := object.remove(value, [key])

reasons(refusals) := {refusal.facts.reason | some refusal in refusals}
