"""A user's rules decide beside ours or in their place, and can neither rewrite ours nor come in half done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pipelines.gate.test_policy_packs_page import FILES, write_files
from tests.policies.builders import POLICIES, gate_input

from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.gate import opa as opa_tool
from mintmark.pipelines.gate.build import BuildRefused, require_compiled
from mintmark.pipelines.gate.compose import ComposeRefused, compose
from mintmark.pipelines.gate.decide import Decision, Gate
from mintmark.pipelines.gate.difference import ABSENT, Change, Difference, compare
from mintmark.pipelines.gate.difference_page import UNEXPLAINED, human, markdown
from mintmark.pipelines.gate.errors import GateWillNotOpen, PolicyTampered
from mintmark.pipelines.gate.opa_server import OpaServerEngine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.wasm import WasmEngine

COPY = [{"op": "replace", "path": "/source/uri", "value": "https://example.org/copy.git"}]
RULE = "acme/gates/acme/known_source.rego"


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    write_files(tmp_path)
    return tmp_path / "acme"


@pytest.fixture(scope="module")
def composed(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> PolicyPack:
    folder = tmp_path_factory.mktemp("composed")
    write_files(folder)
    return compose(POLICIES, [folder / "acme"], folder / "out")


@pytest.fixture(scope="module")
def alone(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> PolicyPack:
    folder = tmp_path_factory.mktemp("alone")
    write_files(folder)
    return compose(POLICIES, [folder / "acme"], folder / "out", with_our_rules=False)


def judged(pack: PolicyPack, content: bytes) -> Decision:
    return Gate.open(pack, WasmEngine(pack)).judge(content)


def test_a_users_rule_denies_by_its_id(composed: PolicyPack) -> None:
    decision = judged(composed, gate_input(composed, COPY))

    assert (decision.answer, [entry.id for entry in decision.violations]) == ("DENY", ["acme.known_source"])
    assert judged(composed, gate_input(composed)).allowed


def test_our_rules_decide_as_before(composed: PolicyPack, pack: PolicyPack) -> None:
    for rule, canary in pack.canaries.items():
        decision = judged_without_opening(composed, gate_input(pack, canary["patch"]))

        assert {entry.id for entry in decision.reasons} == {rule}


def judged_without_opening(pack: PolicyPack, content: bytes) -> Decision:
    return Gate(pack=pack, engine=WasmEngine(pack)).judge(content)


def test_every_file_of_ours_is_in_it_unchanged(composed: PolicyPack, pack: PolicyPack) -> None:
    changed = {path for path in pack.files if composed.files[path] != pack.files[path]}

    assert changed == {
        "bundle/data.json",
        "bundle/policy.wasm",
        "bundle/rules.json",
        "controls/catalogue.json",
        "gates/data.json",
        "gates/rules.rego",
    }


def test_the_same_sources_make_the_same_pack(opa: Path, acme: Path, composed: PolicyPack, tmp_path: Path) -> None:
    assert compose(POLICIES, [acme], tmp_path / "again").digest == composed.digest


def test_both_engines_agree_on_it(composed: PolicyPack, server: str) -> None:
    published = OpaServerEngine(composed, server)
    published.publish()

    for patch in ([], COPY):
        document = gate_input(composed, patch)
        assert published.evaluate(document) == WasmEngine(composed).evaluate(document)


def test_a_pack_of_one_rule_in_place_of_ours_opens_the_gate_and_decides(alone: PolicyPack, pack: PolicyPack) -> None:
    assert set(alone.rules) == {"acme.known_source"}
    assert judged(alone, gate_input(alone)).satisfied == ("acme.known_source",)
    assert [entry.id for entry in judged(alone, gate_input(alone, COPY)).violations] == ["acme.known_source"]
    assert judged(alone, gate_input(pack, pack.canaries["code.dangerous_finding"]["patch"])).allowed


# What cannot be added.


def _shadow_topic(acme: Path) -> None:
    (acme / "gates/scan").mkdir()
    shutil.copyfile(POLICIES / "gates/scan/fresh.rego", acme / "gates/scan/fresh.rego")


def _into_the_library(acme: Path) -> None:
    (acme / "gates/lib").mkdir()
    (acme / "gates/lib/evidence.rego").write_text("package mintmark.gates.lib.evidence\n")


def _into_the_meta_policy(acme: Path) -> None:
    (acme / "gates/meta").mkdir()
    (acme / "gates/meta/reads.rego").write_text("package mintmark.gates.meta.reads\n\nvalid := true\n")


def _verdict(acme: Path) -> None:
    (acme / "gates/verdict.rego").write_text("package mintmark.gate\n")


def _package_of_ours(acme: Path) -> None:
    (acme / "gates/acme/more.rego").write_text("package mintmark.gates.scan.fresh\n\nsatisfied if true\n")


def _test_in_a_package_of_ours(acme: Path) -> None:
    (acme / "gates/acme/more_test.rego").write_text("package mintmark.gate\n\nverdict := 1\n")


def _schema(acme: Path) -> None:
    (acme / "schemas").mkdir()
    (acme / "schemas/gate-input.schema.json").write_text("{}")


def _baseline(acme: Path) -> None:
    (acme / "gates/baseline.json").write_text("{}")


def _signature(acme: Path) -> None:
    (acme / "signatures").mkdir()
    (acme / "signatures/x.sigstore.json").write_text("{}")


def _link(acme: Path) -> None:
    (acme / "gates/acme/linked.rego").symlink_to(POLICIES / "gates/scan/fresh.rego")


def _control_of_ours(acme: Path) -> None:
    (acme / "controls/catalogue.json").write_text('{"controls": [{"id": "MM-BLD-01"}]}')


def _no_catalogue(acme: Path) -> None:
    (acme / "controls/catalogue.json").write_text("[]")


def _no_json(acme: Path) -> None:
    (acme / "gates/data.json").write_text("{")


def _data_at_the_place_of_a_rule(acme: Path) -> None:
    rule = {"code": {"dangerous_finding": {"satisfied": True, "refusals": []}}}
    (acme / "gates/data.json").write_text(json.dumps({"mintmark": {"gates": rule}}))


def _data_beside_the_parameters(acme: Path) -> None:
    (acme / "gates/data.json").write_text('{"mintmark": {"params": {}}, "acme": {"sources": []}}')


def _pins_of_the_scanners(acme: Path) -> None:
    pins = {"bandit": {"versions": ["0.0.1"], "rules_digests": []}}
    (acme / "gates/data.json").write_text(json.dumps({"mintmark": {"params": {"scanners": pins}}}))


def _patch_that_does_not_fit(acme: Path) -> None:
    (acme / "gates/baseline.patch.json").write_text('[{"op": "remove", "path": "/nowhere"}]')


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_shadow_topic, "shadows"),
        (_into_the_library, "shadows"),
        (_into_the_meta_policy, "shadows"),
        (_verdict, "not_addable"),
        (_package_of_ours, "wrong_package"),
        (_test_in_a_package_of_ours, "wrong_package"),
        (_schema, "not_addable"),
        (_baseline, "not_addable"),
        (_signature, "not_addable"),
        (_link, "not_addable"),
        (_control_of_ours, "shadows"),
        (_no_catalogue, "malformed"),
        (_no_json, "malformed"),
        (_data_at_the_place_of_a_rule, "not_addable"),
        (_data_beside_the_parameters, "not_addable"),
        (_pins_of_the_scanners, "not_addable"),
        (_patch_that_does_not_fit, "malformed"),
    ],
)
def test_what_would_rewrite_ours_is_refused(
    change: Callable[[Path], None], reason: str, opa: Path, acme: Path, tmp_path: Path
) -> None:
    change(acme)

    with pytest.raises(ComposeRefused) as refused:
        compose(POLICIES, [acme], tmp_path / "out")

    assert refused.value.reason == reason
    assert not (tmp_path / "out").exists()


def _edited(acme: Path, old: str, new: str) -> None:
    file = acme.parent / RULE
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def _without_metadata(acme: Path) -> None:
    text = (acme.parent / RULE).read_text()
    (acme.parent / RULE).write_text(text[text.index("package ") :])


def _without_remedy(acme: Path) -> None:
    _edited(acme, "#   remedy: Build from the repository itself, or have its address added to the list.\n", "")


def _of_an_unknown_control(acme: Path) -> None:
    (acme / "controls/catalogue.json").unlink()


def _under_another_id(acme: Path) -> None:
    _edited(acme, "#   id: acme.known_source", "#   id: scan.fresh")


def _reads_the_input_itself(acme: Path) -> None:
    _edited(acme, "satisfied if evidence.source_uri in sources", "satisfied if input.source.uri in sources")


def _without_a_canary(acme: Path) -> None:
    (acme / "gates/acme/known_source.canary.json").unlink()


def _dead(acme: Path) -> None:
    _edited(acme, "evidence.source_uri in sources", "evidence.source_uri != sources")


def _never_proven(acme: Path) -> None:
    (acme / "gates/data.json").unlink()


def _reaches_out(acme: Path) -> None:
    _edited(acme, "evidence.source_uri in sources", 'opa.runtime().env.SOURCE == "x"')


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        (_without_metadata, BuildRefused, "meta_policy"),
        (_without_remedy, BuildRefused, "meta_policy"),
        (_of_an_unknown_control, BuildRefused, "meta_policy"),
        (_under_another_id, BuildRefused, "meta_policy"),
        (_reads_the_input_itself, BuildRefused, "meta_policy"),
        (_without_a_canary, GateWillNotOpen, "gate_will_not_open"),
        (_dead, GateWillNotOpen, "gate_will_not_open"),
        (_never_proven, GateWillNotOpen, "gate_will_not_open"),
        (_reaches_out, opa_tool.OpaFailed, "opa_failed"),
    ],
)
def test_a_rule_that_is_half_done_is_refused(
    change: Callable[[Path], None], error: type[PipelineError], reason: str, opa: Path, acme: Path, tmp_path: Path
) -> None:
    change(acme)

    with pytest.raises(error) as refused:
        compose(POLICIES, [acme], tmp_path / "out")

    assert refused.value.reason == reason
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_pack_is_not_overwritten(opa: Path, acme: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("ten years of work")

    with pytest.raises(ComposeRefused) as refused:
        compose(POLICIES, [acme], tmp_path / "out")

    assert refused.value.reason == "out_exists"
    assert (tmp_path / "out/thesis.txt").exists()


def test_an_earlier_pack_is_replaced_and_its_signatures_stay(opa: Path, acme: Path, tmp_path: Path) -> None:
    first = compose(POLICIES, [acme], tmp_path / "out")
    (tmp_path / "out/signatures").mkdir()
    (tmp_path / "out/signatures/1.sigstore.json").write_text("{}")
    (acme / "gates/data.json").write_text(
        FILES["acme/gates/data.json"].replace('"sources": [', '"sources": ["https://example.com/two.git", ')
    )

    second = compose(POLICIES, [acme], tmp_path / "out")

    assert second.digest != first.digest
    assert PolicyPack.load(tmp_path / "out").digest == second.digest
    assert (tmp_path / "out/signatures/1.sigstore.json").exists()


def test_a_users_rule_that_may_be_waived_is_listed_as_such(opa: Path, acme: Path, tmp_path: Path) -> None:
    _edited(acme, "#   waivable: false", "#   waivable: true")

    params = json.loads(compose(POLICIES, [acme], tmp_path / "out").data)["mintmark"]["params"]

    assert "acme.known_source" in params["waivable_rules"]
    assert "code.dangerous_finding" in params["waivable_rules"]
    assert "acme.known_source" not in params["bypassable_rules"]


# What changes.


@pytest.fixture(scope="module")
def difference(pack: PolicyPack, composed: PolicyPack) -> Difference:
    inputs = {"a" * 64: gate_input(pack, COPY), "b" * 64: gate_input(pack), "c" * 64: b"not a gate input"}
    return compare(pack, composed, engines=(WasmEngine(pack), WasmEngine(composed)), inputs=inputs)


def test_a_difference_names_rules_parameters_and_decisions(difference: Difference) -> None:
    source = '{"sources": ["https://example.com/florin.git"]}'

    assert (difference.added, difference.removed, difference.changed) == (("acme.known_source",), (), ())
    assert difference.library == ()
    assert difference.parameters == (Change(where="/mintmark/params/acme", old=ABSENT, new=source),)
    assert [(change.about, change.old.answer, change.new.answer) for change in difference.decisions] == [
        ("canary:acme.known_source", "ALLOW", "DENY"),
        (f"input:{'a' * 64}", "ALLOW", "DENY"),
    ]


def test_a_pack_does_not_differ_from_itself(pack: PolicyPack, wasm: WasmEngine) -> None:
    found = compare(pack, pack, engines=(wasm, wasm), inputs={})

    assert (found.added, found.changed, found.parameters, found.decisions) == ((), (), (), ())
    assert found.compared == len(pack.rules) + 1
    assert "the same pack" in human(found)


def test_a_changed_rule_and_a_changed_threshold_are_told(pack: PolicyPack, opa: Path, tmp_path: Path) -> None:
    from mintmark.pipelines.gate import build

    shutil.copytree(POLICIES, tmp_path / "new")
    rule = tmp_path / "new/gates/sbom/matches.rego"
    rule.write_text(rule.read_text().replace("#   severity: high", "#   severity: critical"))
    fresh = tmp_path / "new/gates/scan/fresh.rego"
    fresh.write_text(fresh.read_text() + "\nunused := 1\n")
    data = json.loads((tmp_path / "new/gates/data.json").read_bytes())
    data["mintmark"]["params"]["environments"]["local"]["thresholds_known"]["code"] = "low"
    (tmp_path / "new/gates/data.json").write_text(json.dumps(data))
    build.build(tmp_path / "new")
    new = PolicyPack.load(tmp_path / "new")

    found = compare(pack, new, engines=(WasmEngine(pack), WasmEngine(new)), inputs={})

    assert [(rule.id, rule.logic) for rule in found.changed] == [("sbom.matches", False), ("scan.fresh", True)]
    assert found.changed[0].metadata == (Change(where="severity", old='"high"', new='"critical"'),)
    where = "/mintmark/params/environments/local/thresholds_known/code"
    assert found.parameters == (Change(where=where, old='"high"', new='"low"'),)
    assert (found.decisions[0].about, found.decisions[0].old.answer) == ("baseline", "ALLOW")
    assert found.decisions[0].new.reasons == ("code.dangerous_finding",)


def _reissued(folder: Path, **changes: bytes) -> PolicyPack:
    """A copy of our pack with other files, and a manifest that names them: all that a manifest alone can show."""
    import hashlib

    shutil.copytree(POLICIES, folder)
    manifest = json.loads((folder / "bundle/manifest.json").read_bytes())
    for path, content in changes.items():
        (folder / path).write_bytes(content)
        manifest["files"][path] = hashlib.sha256(content).hexdigest()
    (folder / "bundle/manifest.json").write_text(json.dumps(manifest))
    return PolicyPack.load(folder)


def test_another_webassembly_of_the_same_rego_is_told(pack: PolicyPack, composed: PolicyPack, tmp_path: Path) -> None:
    """It decides, and nobody reads it."""
    swapped = _reissued(tmp_path / "new", **{"bundle/policy.wasm": composed.wasm})

    found = compare(pack, swapped, engines=(WasmEngine(pack), WasmEngine(pack)), inputs={})

    assert (found.added, found.removed, found.changed, found.parameters, found.decisions) == ((), (), (), (), ())
    assert found.unexplained
    assert UNEXPLAINED in human(found)
    assert UNEXPLAINED in markdown(found)
    assert not compare(pack, composed, engines=(WasmEngine(pack), WasmEngine(composed)), inputs={}).unexplained


def test_another_webassembly_or_catalogue_than_the_rego_makes_is_refused(
    opa: Path, composed: PolicyPack, pack: PolicyPack, tmp_path: Path
) -> None:
    mild = pack.files["bundle/rules.json"].replace(b'"severity": "critical"', b'"severity": "low"')
    swapped = _reissued(tmp_path / "wasm", **{"bundle/policy.wasm": composed.wasm})
    relabelled = _reissued(tmp_path / "rules", **{"bundle/rules.json": mild})

    for other, path in ((swapped, "bundle/policy.wasm"), (relabelled, "bundle/rules.json")):
        with pytest.raises(PolicyTampered) as refused:
            require_compiled(opa, other)
        assert (refused.value.reason, refused.value.path) == ("policy_tampered", path)
    require_compiled(opa, pack)
    require_compiled(opa, composed)


def test_a_schema_or_a_canary_that_changed_is_told(pack: PolicyPack, tmp_path: Path) -> None:
    path = "schemas/waiver.schema.json"
    new = _reissued(tmp_path / "new", **{path: pack.files[path] + b"\n"})

    assert compare(pack, new, engines=(WasmEngine(pack), WasmEngine(pack)), inputs={}).other == (path,)


def test_a_rule_loosened_together_with_its_canary_is_told(opa: Path, pack: PolicyPack, tmp_path: Path) -> None:
    """The gate opens on it: what its own canaries ask for is refused."""
    from mintmark.pipelines.gate import build

    shutil.copytree(POLICIES, tmp_path / "new")
    data = json.loads((tmp_path / "new/gates/data.json").read_bytes())
    for settings in data["mintmark"]["params"]["environments"].values():
        settings["thresholds"]["code"] = settings["thresholds_known"]["code"] = "critical"
    (tmp_path / "new/gates/data.json").write_text(json.dumps(data))
    changed = ("gates/code/dangerous_finding.canary.json", "gates/scan/tool_configuration.canary.json")
    for canary in (tmp_path / "new" / path for path in changed):
        canary.write_text(canary.read_text().replace('"severity": "high"', '"severity": "critical"'))
    build.build(tmp_path / "new")
    new = PolicyPack.load(tmp_path / "new")
    engine = Gate.open(new, WasmEngine(new)).engine

    found = compare(pack, new, engines=(WasmEngine(pack), engine), inputs={})

    assert [(item.about, item.old.reasons, item.new.answer) for item in found.decisions] == [
        ("canary:code.dangerous_finding:old", ("code.dangerous_finding",), "ALLOW"),
        ("canary:scan.tool_configuration:old", ("scan.tool_configuration",), "ALLOW"),
    ]
    assert found.other == changed


def test_a_parameter_that_says_absent_is_not_taken_for_none(pack: PolicyPack) -> None:
    import dataclasses

    data = json.loads(pack.data)
    data["mintmark"]["params"]["acme"] = ABSENT
    new = dataclasses.replace(pack, files={**pack.files, "bundle/data.json": json.dumps(data).encode()})

    assert compare(pack, new, engines=(WasmEngine(pack), WasmEngine(pack)), inputs={}).parameters == (
        Change(where="/mintmark/params/acme", old=ABSENT, new=f'"{ABSENT}"'),
    )


def test_the_page_of_a_change_keeps_what_is_hostile_in_its_cell(difference: Difference) -> None:
    import dataclasses

    hostile = Change(where="/a|b", old="`</td>\n| x", new="\x1b[31m[link](javascript:1)")
    page = markdown(dataclasses.replace(difference, parameters=(hostile,)))

    assert "\x1b" not in page
    assert "| `/a\\|b` | `'</td>\\x0a\\| x` | `\\x1b[31m[link](javascript:1)` |" in page
    assert "acme.known_source" in page
