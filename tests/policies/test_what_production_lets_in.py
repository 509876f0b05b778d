"""Production allows one release; every small change of it that is allowed too is listed here with the reason."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mintmark.pipelines.gate import canonical, document
from mintmark.pipelines.gate.errors import DocumentInvalid
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

AS_OF = 1_790_000_000
DAY_S = 86_400
SCANS = {"bandit", "pip-audit", "images", "semgrep"}  # one of each sort: the others are judged by the same words
Path = tuple[str | int, ...]
Change = tuple[Path, Any]

WORDS = (
    *("", "x", "a" * 64, "f" * 64, "f" * 40, "sha256:" + "f" * 64, "1.4", "2026-12-18", "mintmark.toml"),
    *("production", "staging", "local", "rehearsal", "release-approvers", "pipeline-owners", "Europe/Berlin"),
    *("ana", "ben", "cleo", "dag", "unknown", "Ben", "ben ", "semgrep", "bandit", "mintmark", "Semgrep", "ci"),
    *("complete", "skipped", "failed", "run", "import", "record", "file", "no", "shared", "none", "unverified"),
    *(
        "snapshot",
        "online",
        "critical",
        "medium",
        "info",
        "secret",
        "licence",
        "workflow",
        "reject",
        "WARNED",
        "FAILED",
    ),
)
MOMENTS = (0, 1, AS_OF - DAY_S - 1, AS_OF - DAY_S, AS_OF - 1, AS_OF, AS_OF + 60, AS_OF + 61, 2**53 - 1)

# What is told, kept and signed, and decides nothing by itself.
TOLD = {
    "approvals/*/id", "approvals/*/origin", "change/base", "change/committed_epoch", "manifest/digest",
    "manifest/files", "promotions/*/decision_id", "sbom/lock_digest", "scans/*/data/digest", "scans/*/producer/id",
    "scans/*/reason", "scans/*/report_digest", "subject/name", "tests/*/means", "tests/*/producer/id",
    "tests/*/skipped",
    *(f"scans/*/findings/*/{name}" for name in (
        "aliases", "confidence", "cwe", "cwe/*", "end_line", "first_seen_epoch", "fixed_in", "line", "message",
        "package", "path", "resource", "rule", "severity_origin", "title", "tool", "version")),
}  # fmt: skip
# What decides, and the values beside the first one that production lets in.
BOUNDED: dict[str, Callable[[Any], bool]] = {
    "approvals/*/at_epoch": lambda at: 1_700_000_000 <= at <= AS_OF + 60,  # while ben was an approver
    "approvals/*/expires_epoch": lambda at: at > AS_OF,
    "approvals/*/person": lambda who: who == "cleo",
    "change/author": lambda who: who in {"cleo", "dag"},  # anybody known but ben, who approves
    "change/co_authors": lambda who: set(who) <= {"ana", "cleo", "dag"},
    "change/committer": lambda who: who in {"cleo", "dag"},
    "change/contributors": lambda who: set(who) <= {"ana", "cleo", "dag"},
    "change/contributors/*": lambda who: who in {"cleo", "dag"},
    "change/files": lambda files: "mintmark.toml" not in files,
    "change/files/*": lambda file: file != "mintmark.toml",
    "change/requester": lambda who: who in {"cleo", "dag"},
    "coverage": lambda kinds: len(kinds) == 11,  # one said twice
    "environment/name": lambda name: name == "local",  # another question, with another answer
    "environment/protected": lambda protected: protected is False,  # the policy knows better, and is not moved
    "promotions": lambda items: len(items) == 2,
    "promotions/*/deployed_epoch": lambda at: at <= AS_OF + 60,
    "provenance/cache": lambda cache: cache == "none",
    "sbom/components": lambda count: count > 0,
    "sbom/spec_version": lambda version: version == "1.4",
    "scans": lambda scans: [scan["tool"] for scan in scans].count("mintmark") == 2,  # looked twice at the tree
    "scans/*/data/as_of": lambda at: AS_OF - 3 * DAY_S <= at <= AS_OF + 60,
    "scans/*/data/records": lambda count: count > 0,
    "scans/*/data/source": lambda source: source == "online",
    "scans/*/findings": lambda found: len(found) in {0, 2},
    "scans/*/findings/*/category": lambda category: category == "workflow",  # as low there
    "scans/*/findings/*/new": lambda new: new is True,
    "scans/*/findings/*/severity": lambda severity: severity == "info",
    "scans/*/findings/*/suppressed_inline": lambda silenced: silenced is True,  # low, and would be let in aloud
    "scans/*/finished_at": lambda at: 1_789_999_936 <= at <= AS_OF + 60,
    "scans/*/present": lambda count: count > 0,  # more than is shipped; fewer is contradicted by the coverage
    "scans/*/rules": lambda count: count >= 0,  # of a scanner that the lock pins; none only where nothing was read
    "scans/*/rules_digest": lambda _: True,  # of scanners whose rules come with their version
    "scans/*/started_at": lambda at: at <= 1_789_999_940,
    "tests": lambda results: len(results) == 2,
    "tests/*/finished_at": lambda at: AS_OF - DAY_S <= at <= AS_OF + 60,
    "tests/*/passed": lambda count: count > 0,
}
ABSENT = {"scans/*/expected_version", "scans/*/tool_version", "scans/*/read"}  # of a scan that had nothing to read
# Whoever is in none of the roles may be anybody, and the clocks are the gate's own reading of `as_of`.
ELSEWHERE = ("people", "clocks")


def released(pack: PolicyPack) -> dict[str, Any]:
    """What production allows: the baseline, made by the pipeline, approved and promoted."""
    made: dict[str, Any] = json.loads(json.dumps(pack.baseline))
    made["environment"] = {"name": "production", "protected": True}
    for scan in made["scans"]:
        scan["producer"]["origin"] = "ci"
        if scan["data"]:
            scan["data"].update(source="osv-export", complete=True)
    made["provenance"].update(builder="https://mintmark.dev/builders/ci", origin="ci")
    made["tests"][0]["producer"]["origin"] = "ci"
    made["approvals"][0]["environment"] = "production"
    staged = {"environment": "staging", "sha256": "a" * 64, "decision_id": "D-1", "deployed_epoch": AS_OF - 10_000}
    return {**made, "promotions": [staged]}


def changes(node: Any, path: Path = ()) -> Iterator[Change]:
    """Each leaf with other values, and each list without a member, with one twice, or with one more."""
    match node:
        case dict():
            for name, value in node.items():
                if name != "scans" and not (node.get("tool") and "status" in node and node["tool"] not in SCANS):
                    yield from changes(value, (*path, name))
                elif name == "scans":
                    yield from _of_list(value, (*path, name))
        case list():
            yield from _of_list(node, path)
        case bool():
            yield path, not node
        case int():
            yield from ((path, value) for value in {*MOMENTS, node - 1, node + 1} - {node} if value >= 0)
        case str():
            yield from ((path, value) for value in WORDS if value != node)


def _of_list(node: list[Any], path: Path) -> Iterator[Change]:
    for number, value in enumerate(node):
        yield path, [*node[:number], *node[number + 1 :]]
        yield path, [*node, value]
        yield from changes(value, (*path, number))
    if path[-1] in {"contributors", "co_authors", "files", "left_out"}:
        yield from ((path, [*node, word]) for word in WORDS)


def changed(made: dict[str, Any], *several: Change) -> dict[str, Any]:
    made = json.loads(json.dumps(made))
    for path, value in several:
        place: Any = made
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
    return made


def presented(pack: PolicyPack, made: dict[str, Any]) -> bytes | None:
    """Nothing where it is no gate input at all."""
    try:
        content = canonical.encode(made)
        document.parse(content, pack=pack)
    except (canonical.NotCanonical, DocumentInvalid):
        return None
    return content


def is_listed(made: dict[str, Any], path: Path, value: Any) -> bool:
    named = "/".join("*" if isinstance(step, int) else step for step in path)
    if named in ABSENT:
        return bool(made["scans"][path[1]]["status"] == "skipped")
    if path[0] in ELSEWHERE or named in TOLD:
        return True
    return BOUNDED.get(named, lambda _: False)(value)


@pytest.fixture(scope="module")
def judged(pack: PolicyPack, wasm: WasmEngine) -> list[tuple[Change, bool]]:
    """Every change that leaves a valid gate input, and whether production allows it."""
    made = released(pack)
    found = []
    for path, value in changes(made):
        content = presented(pack, changed(made, (path, value)))
        if content is not None and content != canonical.encode(made):
            found.append(((path, value), json.loads(wasm.evaluate(content))["decision"] == "ALLOW"))
    return found


def test_production_allows_the_release_itself(pack: PolicyPack, wasm: WasmEngine) -> None:
    assert json.loads(wasm.evaluate(canonical.encode(released(pack))))["decision"] == "ALLOW"


def test_every_change_that_production_allows_is_listed(judged: list[tuple[Change, bool]], pack: PolicyPack) -> None:
    made = released(pack)
    unlisted = [change for change, allowed in judged if allowed and not is_listed(made, *change)]

    assert unlisted == []
    assert sum(not allowed for _, allowed in judged) > 500


def test_nobody_approves_who_is_no_approver(judged: list[tuple[Change, bool]]) -> None:
    """ben alone approved: no change of ben may be allowed that takes the office, or makes ben a bot."""
    allowed = [(path[2:], value) for (path, value), let_in in judged if let_in and path[:2] == ("people", 1)]

    assert {path for path, _ in allowed} <= {("groups",), ("groups", 0, "from_epoch"), ("groups", 0, "until_epoch")}
    assert all(value > AS_OF for path, value in allowed if path[-1] == "until_epoch")
    assert all(value <= AS_OF - 50 for path, value in allowed if path[-1] == "from_epoch")
    assert all(len(value) == 2 for path, value in allowed if path == ("groups",))


def test_nothing_that_is_refused_is_let_in_by_something_that_is_allowed(
    judged: list[tuple[Change, bool]], pack: PolicyPack, wasm: WasmEngine, published: OpaServerEngine
) -> None:
    """Two changes at once, of which the second does no harm; people, and where it goes, are one question together."""
    chance = random.Random(7)  # noqa: S311  the same pairs in every run
    together = {"people", "approvals", "change", "environment"}
    refused = [change for change, allowed in judged if not allowed]
    harmless = [change for change, allowed in judged if allowed and change[0][0] != "environment"]
    for _ in range(150):
        first, second = chance.choice(refused), chance.choice(harmless)
        if first[0][0] == second[0][0] or {first[0][0], second[0][0]} <= together:
            continue
        content = presented(pack, changed(released(pack), first, second))
        answer = wasm.evaluate(content) if content else b'{"decision": "DENY"}'

        assert json.loads(answer)["decision"] != "ALLOW", (first, second)
        assert content is None or published.evaluate(content) == answer
