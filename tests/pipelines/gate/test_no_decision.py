"""A policy that gives no verdict is an ERROR, in both engines: nothing that is undefined, broken or endless allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipelines.gate import modules
from tests.policies import builders
from tests.policies.builders import gate_input

from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate import build
from mintmark.pipelines.gate import opa as opa_tool
from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.errors import EngineUnavailable, PolicyReachesOut
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.verdict import Answer
from mintmark.pipelines.gate.wasm import WasmEngine

ENOUGH_FUEL = 200_000_000


@pytest.fixture(scope="module")
def shared_server(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for many cases, each of which publishes its own text over the last one's."""
    with builders.opa_server(opa, tmp_path_factory.mktemp("opa")) as url:
        yield url


def with_module(pack: PolicyPack, wasm: bytes) -> PolicyPack:
    return dataclasses.replace(pack, files={**pack.files, "bundle/policy.wasm": wasm})


def with_verdict(pack: PolicyPack, rego: str, *, path: str = "gates/verdict.rego") -> PolicyPack:
    return dataclasses.replace(pack, files={**pack.files, path: rego.encode()})


def assert_no_decision(decision: Decision) -> None:
    assert (decision.answer, decision.reason) == (Answer.ERROR, "no_decision")
    assert (decision.exit_code, decision.allowed) == (ExitCode.INFRASTRUCTURE, False)


# What the entry point may say. Rego: the whole of verdict.rego. The module: the text that it returns.
VERDICTS = {
    "undefined": ("verdict := 1 if false", "[]"),
    "an empty set": ("verdict := set()", '[{"result":[]}]'),
    "an empty object": ("verdict := {}", '[{"result":{}}]'),
    "true": ("verdict := true", '[{"result":true}]'),
    "the word": ('verdict := "ALLOW"', '[{"result":"ALLOW"}]'),
    "a decision without proof": ('verdict := {"decision": "ALLOW"}', '[{"result":{"decision":"ALLOW"}}]'),
    "null": ("verdict := null", '[{"result":null}]'),
    "a fraction": ("verdict := 1.5", '[{"result":1.5}]'),
    "a number beyond counting": ("verdict := 100000000000000000000000", '[{"result":1e23}]'),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_that_is_none_is_an_error_in_process(name: str, pack: PolicyPack) -> None:
    loaded = with_module(pack, modules.module(answer=VERDICTS[name][1]))

    assert_no_decision(Gate(pack=loaded, engine=WasmEngine(loaded)).judge(gate_input(pack)))


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_that_is_none_is_an_error_in_the_server(name: str, pack: PolicyPack, shared_server: str) -> None:
    loaded = with_verdict(pack, f"package mintmark.gate\n\n{VERDICTS[name][0]}\n")
    engine = OpaServerEngine(loaded, shared_server)
    engine.publish()

    assert_no_decision(Gate(pack=loaded, engine=engine).judge(gate_input(pack)))


@pytest.mark.parametrize(
    "body",
    [
        modules.RECURSION,
        modules.ENDLESS_LOOP,
        modules.RUNTIME_ERROR,
        modules.ABORT,
        modules.CALLS_THE_HOST,
        modules.OUTSIDE_ITS_MEMORY,
        modules.NO_ADDRESS,
        modules.EATS_MEMORY,
        modules.GIANT_OUTPUT,
    ],
)
def test_a_module_that_runs_wild_is_an_error(body: str, pack: PolicyPack) -> None:
    loaded = with_module(pack, modules.module(body))

    assert_no_decision(Gate(pack=loaded, engine=WasmEngine(loaded, fuel=ENOUGH_FUEL)).judge(gate_input(pack)))


@pytest.mark.parametrize("answer", ["[" * 100_000, "", "[", "[{}]", "{}", '[{"result":1},{"result":2}]'])
def test_an_answer_of_a_module_that_is_no_result_is_an_error(answer: str, pack: PolicyPack) -> None:
    loaded = with_module(pack, modules.module(answer=answer))

    assert_no_decision(Gate(pack=loaded, engine=WasmEngine(loaded)).judge(gate_input(pack)))


def test_a_module_written_by_hand_can_answer(pack: PolicyPack, wasm: WasmEngine) -> None:
    """The modules of these tests fail for what they do, and not for how they are made."""
    allow = wasm.evaluate(gate_input(pack)).decode()
    loaded = with_module(pack, modules.module(answer=f'[{{"result":{allow}}}]'))

    assert Gate(pack=loaded, engine=WasmEngine(loaded)).judge(gate_input(pack)).allowed


@pytest.mark.parametrize(
    "wasm",
    [
        modules.module(entrypoints="{}"),
        modules.module(entrypoints="[]"),
        modules.module(entrypoints="7"),
        modules.module(entrypoints='{"mintmark/gate/verdict":"0"}'),
        modules.module(entrypoints="nonsense"),
        modules.module(builtins="[" * 900),
    ],
)
def test_a_module_that_says_nonsense_of_itself_is_not_loaded(wasm: bytes, pack: PolicyPack) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        WasmEngine(with_module(pack, wasm))

    assert refused.value.reason == "engine_unavailable"


CONFLICT = "verdict := 1 if true\n\nverdict := 2 if true\n"
ENDLESS = (
    "verdict := n if {\n\tsome a in numbers_\n\tsome b in numbers_\n\tsome c in numbers_\n\tsome d in numbers_\n"
    "\tn := ((a + b) + c) + d\n\tn < 0\n}\n\nnumbers_ := [" + ", ".join(map(str, range(400))) + "]\n"
)


@pytest.mark.parametrize(("rego", "says"), [(CONFLICT, "eval_conflict_error"), (ENDLESS, "timeout")])
def test_a_policy_that_breaks_or_does_not_end_is_an_error_in_the_server(
    rego: str, says: str, pack: PolicyPack, server: str
) -> None:
    loaded = with_verdict(pack, f"package mintmark.gate\n\n{rego}")
    OpaServerEngine(loaded, server).publish()
    engine = OpaServerEngine(loaded, server, timeout_s=1.5)

    decision = Gate(pack=loaded, engine=engine).judge(gate_input(pack))

    assert_no_decision(decision)
    assert says in decision.problem


def test_an_answer_without_measure_is_an_error_in_the_server(
    pack: PolicyPack, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = with_verdict(pack, "package mintmark.gate\n\nverdict := [a | some a in [" + '"aaaaaaaa",' * 40_000 + "]]\n")
    engine = OpaServerEngine(many, server)
    engine.publish()
    monkeypatch.setattr("mintmark.pipelines.gate.opa_server.MAX_ANSWER_BYTES", 2**30)
    assert b"aaaaaaaa" in engine.evaluate(gate_input(pack))
    engine.verify()
    monkeypatch.setattr(engine, "verify", lambda: None)  # which reads the text of this policy, and that is as long
    monkeypatch.setattr("mintmark.pipelines.gate.opa_server.MAX_ANSWER_BYTES", 100_000)

    decision = Gate(pack=many, engine=engine).judge(gate_input(pack))

    assert_no_decision(decision)
    assert "longer than 100000 bytes" in decision.problem


RECURSIVE = "package mintmark.gate\n\nverdict := bomb(1)\n\nbomb(n) := bomb(n + 1)\n"


def test_a_recursive_policy_is_loaded_by_neither_engine(
    opa: Path, pack: PolicyPack, server: str, tmp_path: Path
) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates/verdict.rego").write_text(RECURSIVE)

    with pytest.raises(opa_tool.OpaFailed, match="recursive"):
        build.compile_wasm(opa, tmp_path)
    with pytest.raises(EngineUnavailable, match="recursive") as refused:
        OpaServerEngine(with_verdict(pack, RECURSIVE), server).publish()
    assert refused.value.reason == "engine_unavailable"


OUTSIDE = {
    "http.send": 'http.send({"method": "get", "url": "http://127.0.0.1/"}).status_code == 200',
    "opa.runtime": 'opa.runtime().env.HOME == "/root"',
    "time.now_ns": "time.now_ns() > 0",
    "rand.intn": 'rand.intn("dice", 6) == 1',
    "uuid.rfc4122": 'uuid.rfc4122("x") != ""',
    "net.lookup_ip_addr": 'count(net.lookup_ip_addr("localhost")) > 0',
    "data.other.switch": "data.other.switch == true",
}
WHERE = {
    "as a rule": "{call}",
    "negated": "not {call}",
    "in a comprehension": "count([1 | {call}]) == 1",
    "in an every": "every n in [1] {{\n\t\tn == 1\n\t\t{call}\n\t}}",
}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_policy_that_reaches_outside_is_not_run_by_the_server(
    name: str, where: str, pack: PolicyPack, shared_server: str
) -> None:
    """A server has every builtin of OPA: the pack's own sources are held to the vocabulary as they are loaded."""
    call = WHERE[where].format(call=OUTSIDE[name])
    rule = pack.sources["scan/fresh.rego"] + f"\nsatisfied if {{\n\t{call}\n}}\n"
    loaded = with_verdict(pack, rule, path="gates/scan/fresh.rego")
    engine = OpaServerEngine(loaded, shared_server)

    with pytest.raises(PolicyReachesOut) as refused:
        engine.publish()

    assert (refused.value.reason, refused.value.exit_code) == ("policy_reaches_out", ExitCode.INTEGRITY)
    assert name in refused.value.reached
    decision = Gate(pack=loaded, engine=engine).judge(gate_input(pack))
    assert (decision.answer, decision.reason) == (Answer.ERROR, "policy_reaches_out")


def test_the_pack_itself_stays_within_its_reach(published: OpaServerEngine) -> None:
    published.verify()


@pytest.mark.parametrize("name", ["http.send", "opa.runtime", "time.now_ns", "rand.intn"])
def test_a_module_that_needs_a_builtin_of_the_host_is_not_loaded(name: str, opa: Path, pack: PolicyPack) -> None:
    """Compiled by OPA without our restriction, as somebody would who wants it in."""
    with pytest.raises(PolicyReachesOut) as refused:
        WasmEngine(with_module(pack, _compiled_without_limits(opa, OUTSIDE[name])))

    assert (refused.value.reason, refused.value.reached) == ("policy_reaches_out", name)


def _compiled_without_limits(opa: Path, call: str) -> bytes:
    import io
    import tarfile
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "verdict.rego").write_text(f"package mintmark.gate\n\nverdict := 1 if {call}\n")
        arguments = ["build", "--bundle", ".", "--target", "wasm", "--entrypoint", build.ENTRYPOINT]
        opa_tool.run(opa, [*arguments, "--output", "out.tar.gz"], cwd=Path(folder))
        with tarfile.open(fileobj=io.BytesIO(Path(folder, "out.tar.gz").read_bytes())) as archive:
            member = next(archive.extractfile(item) for item in archive if item.name.endswith("policy.wasm"))
            assert member is not None
            return member.read()
