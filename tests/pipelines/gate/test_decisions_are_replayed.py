"""A decision that was kept is judged again to the same bytes: a thousand times, elsewhere, by either engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.gate.engines import RewritingEngine, ScriptedEngine, verdict
from tests.policies.builders import ROOT, Case, case_id, corpus, gate_input

from mintmark.pipelines.errors import ExitCode, IncompleteError, InfrastructureError, IntegrityError
from mintmark.pipelines.gate import archive
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.errors import EngineUnavailable, PolicyTampered
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.replay import replay, replay_kept
from mintmark.pipelines.gate.wasm import WasmEngine


@pytest.fixture(scope="module")
def kept(pack: PolicyPack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decisions")
    archive.keep_pack(folder, pack)
    return folder


def decided(gate: Gate, folder: Path, rule: str) -> dict[str, Any]:
    """A recorded decision: its predicate, gone through JSON as through the log."""
    content = gate_input(gate.pack, gate.pack.canaries[rule]["patch"] if rule else [])
    archive.keep_input(folder, content)
    predicate: dict[str, Any] = json.loads(json.dumps(gate.judge(content, decision_id="d-1").predicate()))
    return predicate


@pytest.mark.parametrize("rule", ["", "code.dangerous_finding", "scan.complete"])
def test_a_thousand_replays_give_the_same_bytes(rule: str, gate: Gate, kept: Path) -> None:
    predicate = decided(gate, kept, rule)

    replayed = replay_kept(predicate, folder=kept, engine=WasmEngine, times=1000)

    assert (replayed.identical, replayed.times, replayed.differing) == (True, 1000, ())


@pytest.mark.parametrize("case", corpus()[::60], ids=case_id)
def test_the_other_engine_gives_the_same_bytes(case: Case, gate: Gate, kept: Path, published: OpaServerEngine) -> None:
    """A sample: that both engines answer every case alike is shown elsewhere, and each replay opens its gate anew."""
    content = gate_input(gate.pack, case.patch)
    predicate = gate.judge(content).predicate()

    replayed = replay(predicate, content=content, pack=gate.pack, engine=lambda _: published)

    assert (replayed.identical, replayed.engine) == (True, "opa-server")


ELSEWHERE = """
import json, sys
from pathlib import Path
from mintmark.pipelines.gate.replay import replay_kept
from mintmark.pipelines.gate.wasm import WasmEngine
predicate = json.loads(Path(sys.argv[2]).read_bytes())
replayed = replay_kept(predicate, folder=Path(sys.argv[1]), engine=WasmEngine, times=3)
sys.stdout.buffer.write(replayed.found)
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8"},
        {"PYTHONHASHSEED": "random", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    ],
)
def test_another_process_with_another_locale_time_zone_and_hash_seed_gives_the_same_bytes(
    environment: dict[str, str], gate: Gate, kept: Path, tmp_path: Path
) -> None:
    predicate = decided(gate, kept, "code.dangerous_finding")
    (tmp_path / "decision.json").write_text(json.dumps(predicate))
    here = replay_kept(predicate, folder=kept, engine=WasmEngine)

    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(kept), str(tmp_path / "decision.json")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/pipelines/src:{ROOT}/evidence/src", **environment},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == here.recorded


def test_an_engine_that_says_something_else_is_told(gate: Gate, kept: Path) -> None:
    predicate = decided(gate, kept, "")

    def fewer(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "warnings": [{"id": "scan.fresh", "facts": {"reason": "made up"}}]}

    content = gate_input(gate.pack)
    replayed = replay_with(predicate, content, gate, RewritingEngine(gate.engine, fewer))

    assert (replayed.identical, replayed.differing) == (False, ("warnings",))


def replay_with(predicate: dict[str, Any], content: bytes, gate: Gate, engine: Any) -> Any:
    return replay(predicate, content=content, pack=gate.pack, engine=lambda _: engine)


@pytest.mark.parametrize(
    ("name", "value"), [("decision", "DENY"), ("satisfied", []), ("exit_code", 1), ("waived", [{"id": "x"}])]
)
def test_a_record_that_was_edited_is_told(name: str, value: object, gate: Gate, kept: Path) -> None:
    predicate = {**decided(gate, kept, ""), name: value}

    replayed = replay_kept(predicate, folder=kept, engine=WasmEngine)

    assert (replayed.identical, replayed.differing) == (False, (name,))


def test_an_error_has_no_verdict_to_replay(gate: Gate, kept: Path) -> None:
    broken = Gate(pack=gate.pack, engine=ScriptedEngine(EngineUnavailable("scripted", "gone")))
    predicate = broken.judge(gate_input(gate.pack)).predicate()

    with pytest.raises(IncompleteError) as refused:
        replay_kept(predicate, folder=kept, engine=WasmEngine)

    assert (refused.value.reason, refused.value.exit_code) == ("not_replayable", ExitCode.INCOMPLETE)


def test_an_engine_that_stops_half_way_has_not_differed(gate: Gate, kept: Path) -> None:
    predicate = decided(gate, kept, "")

    class Failing:
        name, version, asked = "failing", "1", 0

        def evaluate(self, document: bytes) -> bytes:
            self.asked += 1
            if self.asked > len(gate.pack.canaries) + 1:
                return verdict("ALLOW")
            return gate.engine.evaluate(document)

    with pytest.raises(InfrastructureError) as refused:
        replay_with(predicate, gate_input(gate.pack), gate, Failing())

    assert refused.value.reason == "no_decision"


def test_another_input_or_pack_than_the_decision_pins_is_not_judged(gate: Gate, kept: Path) -> None:
    predicate = decided(gate, kept, "")

    with pytest.raises(ValueError, match="another input"):
        replay_with(predicate, gate_input(gate.pack, gate.pack.canaries["scan.fresh"]["patch"]), gate, gate.engine)
    with pytest.raises(ValueError, match="another pack"):
        replay_with({**predicate, "policy_digest": "sha256:" + "0" * 64}, gate_input(gate.pack), gate, gate.engine)


# What is kept.


def test_a_kept_pack_is_the_pack(pack: PolicyPack, kept: Path, gate: Gate) -> None:
    loaded = archive.load_pack(kept, f"sha256:{pack.digest}")

    assert (loaded.digest, dict(loaded.files)) == (pack.digest, dict(pack.files))
    assert Gate.open(loaded, WasmEngine(loaded)).judge(gate_input(loaded)).allowed


def test_the_same_input_is_kept_once(pack: PolicyPack, tmp_path: Path) -> None:
    content = gate_input(pack)

    assert archive.keep_input(tmp_path, content) == archive.keep_input(tmp_path, content)
    assert [digest for digest, _ in archive.kept_inputs(tmp_path)] == [archive.keep_input(tmp_path, content)]
    assert archive.load_input(tmp_path, archive.keep_input(tmp_path, content)) == content
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_what_was_not_kept_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError) as no_input:
        archive.load_input(tmp_path, "0" * 64)
    with pytest.raises(IncompleteError) as no_pack:
        archive.load_pack(tmp_path, "0" * 64)

    assert (no_input.value.reason, no_pack.value.reason) == ("input_not_kept", "pack_not_kept")


def test_an_input_that_was_edited_is_not_judged(pack: PolicyPack, tmp_path: Path) -> None:
    digest = archive.keep_input(tmp_path, gate_input(pack))
    path = next(tmp_path.rglob("*.json"))
    path.write_bytes(path.read_bytes().replace(b"florin", b"florim"))

    with pytest.raises(IntegrityError) as tampered:
        archive.load_input(tmp_path, digest)

    assert tampered.value.reason == "input_tampered"


def test_a_kept_pack_that_was_edited_is_not_used(pack: PolicyPack, tmp_path: Path) -> None:
    archive.keep_pack(tmp_path, pack)
    rego = next(tmp_path.rglob("verdict.rego"))
    rego.write_text(rego.read_text() + "\n")

    with pytest.raises(PolicyTampered) as tampered:
        archive.load_pack(tmp_path, pack.digest)

    assert tampered.value.reason == "policy_tampered"


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "sha256:../x", "0" * 63, "sha512:" + "0" * 64])
def test_a_digest_that_is_none_is_never_a_path(digest: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a SHA-256"):
        archive.load_input(tmp_path, digest)
