"""The verifier in one file answers with nothing of ours around it, and its answers are exit codes."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest
from tests.evidence.builders import bench
from tests.evidence.single_file.exports import Exported, ask, export, interpreters, receipt_files, run_alone

from mintmark.evidence import single_file
from mintmark.evidence.statement import KINDS
from mintmark.evidence.tree import root_of


@pytest.mark.parametrize("interpreter", interpreters())
def test_an_untouched_export_is_verified_with_each_means_of_checking_signatures(
    interpreter: str, small: Exported, tmp_path: Path
) -> None:
    done = run_alone(interpreter, small.words(), tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VERIFIED  log.example/1  6 entries")


@pytest.mark.parametrize("interpreter", interpreters())
def test_a_changed_payload_fails_with_each_means_of_checking_signatures(
    interpreter: str, small: Exported, tmp_path: Path
) -> None:
    made = small.copied(tmp_path)
    path = min((made.folder / "payload").rglob("?" * 64))
    path.write_bytes(path.read_bytes()[:-1] + b" ")

    done = run_alone(interpreter, made.words("--json"), tmp_path)

    assert (done.returncode, done.stderr) == (4, "")
    assert [item["reason"] for item in json.loads(done.stdout)["broken"]] == ["commitment_mismatch"]


@pytest.mark.parametrize("interpreter", interpreters())
def test_nothing_of_ours_can_be_imported_where_it_runs(interpreter: str, small: Exported, tmp_path: Path) -> None:
    """Of these runs the answers above are: each has the means of its name to check signatures, and no other."""
    wanted = {"bare": "openssl", "with cryptography": "cryptography", "python3.9": "openssl"}[interpreter]
    other = {"openssl": "cryptography", "cryptography": "openssl"}[wanted]

    assert run_alone(interpreter, small.words("--crypto", wanted), tmp_path).returncode == 0
    if wanted == "openssl":
        assert run_alone(interpreter, small.words("--crypto", other), tmp_path).returncode == 3
    assert not any("mintmark" in line for line in imports())


def test_the_oldest_python_that_is_supported_can_parse_it() -> None:
    ast.parse(Path(single_file.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_report_in_json_names_answer_size_levels_and_counts(rich: Exported) -> None:
    answer = ask(rich.words())

    assert answer.code == 0
    assert answer.report["answer"] == "verified"
    assert (answer.report["origin"], answer.report["size"], answer.report["first_bad_index"]) == (
        "log.example/1",
        261,
        None,
    )
    assert [answer.state(level) for level in ("L0", "L1", "L2", "L3", "L4", "L5")] == ["not asked", *["verified"] * 5]
    assert answer.report["counts"] == {
        "archived_checkpoints": 4,
        "opened": 260,
        "signed": 260,
        "erased": 1,
        "signed_by_certificate": 0,
    }
    assert answer.report["broken"] == answer.report["not_verifiable"] == answer.report["warnings"] == []


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 513])
def test_every_shape_of_tree_is_verified(size: int, tmp_path: Path) -> None:
    place = bench(tmp_path)

    answer = ask(export(place, place.fill(size), tmp_path).words())

    assert (answer.code, answer.report["size"]) == (0, size)


def test_without_trust_the_signatures_of_payloads_are_not_verifiable(rich: Exported) -> None:
    answer = ask([str(rich.folder), "--policy", str(rich.policy), "--tsa-roots", str(rich.tsa_roots)])

    assert (answer.code, answer.open_reasons) == (3, {("L5", "no_trust")})


def test_without_certificates_of_authorities_timestamps_are_not_verifiable(rich: Exported) -> None:
    answer = ask([str(rich.folder), "--policy", str(rich.policy), "--trust", str(rich.trust)])

    assert (answer.code, answer.open_reasons) == (3, {("L2", "no_tsa_roots")})


def test_a_machine_that_can_check_no_signature_does_not_say_verified(
    small: Exported, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = ask(small.words("--crypto", "openssl"))

    assert (answer.code, answer.open_reasons) == (3, {("L2", "no_crypto")})


def test_an_openssl_that_says_yes_to_everything_is_not_believed(
    small: Exported, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    answer = ask(small.words("--crypto", "openssl"))

    assert (answer.code, answer.open_reasons) == (3, {("L2", "no_crypto")})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--policy", "{policy}"], "is not a folder"),
        (["{folder}"], "--policy"),
        (["{folder}", "--policy", "nowhere"], "No such file"),
        (["--policy", "{policy}"], "give the exported folder"),
        (["{folder}", "--policy", "{policy}", "--receipt", "{policy}"], "go together"),
        (["{folder}", "--policy", "{trust}"], "line 1"),
        (["{folder}", "--policy", "{policy}", "--trust", "{policy}"], "not TOML"),
        (["{folder}", "--policy", "{policy}", "--seen", "{policy}"], "a note is"),
    ],
)
def test_a_wrong_call_is_2_and_says_what_is_wrong(words: list[str], said: str, small: Exported, tmp_path: Path) -> None:
    filled = [word.format(folder=small.folder, policy=small.policy, trust=small.trust) for word in words]

    done = run_alone("bare", filled, tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_receipt_is_verified_without_any_export(small: Exported, tmp_path: Path) -> None:
    receipt, entry = receipt_files(small.place, 2, tmp_path)

    answer = ask(
        ["--policy", str(small.policy), "--receipt", str(receipt), "--entry", str(entry), "--allow-unwitnessed"]
    )

    assert (answer.code, answer.state("L0"), answer.state("L1")) == (0, "verified", "not asked")


@pytest.mark.parametrize("other", [1, 3])
def test_a_receipt_of_another_entry_fails(other: int, small: Exported, tmp_path: Path) -> None:
    receipt, _ = receipt_files(small.place, 2, tmp_path)
    _, entry = receipt_files(small.place, other, tmp_path)

    answer = ask(
        ["--policy", str(small.policy), "--receipt", str(receipt), "--entry", str(entry), "--allow-unwitnessed"]
    )

    assert (answer.code, answer.reasons) == (4, {("L0", "proof_invalid")})


@pytest.mark.parametrize("change", ["cut", "flipped", "too short", "too long", "other index", "no header"])
def test_a_changed_receipt_fails(change: str, small: Exported, tmp_path: Path) -> None:
    path, entry = receipt_files(small.place, 2, tmp_path)
    content = path.read_bytes()
    lines = content.split(b"\n")
    made = {
        "cut": content[: len(content) // 2],
        "flipped": content.replace(lines[2][:4], b"AAAA", 1),
        "too short": b"\n".join(lines[:2] + lines[3:]),
        "too long": b"\n".join(lines[:3] + lines[2:]),
        "other index": content.replace(b"index 2", b"index 1", 1),
        "no header": content[1:],
    }[change]
    path.write_bytes(made)

    answer = ask(["--policy", str(small.policy), "--receipt", str(path), "--entry", str(entry), "--allow-unwitnessed"])

    assert (answer.code, answer.state("L0")) == (4, "failed")


def test_a_receipt_is_as_good_as_its_witnesses(small: Exported, tmp_path: Path) -> None:
    """The log's own signature shows what the log said, and not that it says the same to all."""
    receipt, entry = receipt_files(small.place, 2, tmp_path)
    words = ["--policy", str(small.policy), "--receipt", str(receipt), "--entry", str(entry)]

    assert ask(words).open_reasons == {("L0", "quorum_missing")}

    receipt_files(small.place, 2, tmp_path, note=(small.folder / "checkpoint").read_bytes())

    assert ask(words).code == 0


def test_trees_paths_kinds_and_entries_are_those_of_the_product() -> None:
    """Two implementations, one format: what one makes the other reads."""
    leaves = [single_file.leaf_hash(bytes([number])) for number in range(70)]
    frontier = single_file.Frontier()
    for size, leaf in enumerate(leaves):
        assert frontier.root() == root_of(leaves[:size])
        frontier.add(leaf)

    assert single_file.tile_path("entries", 1_234_067, 256) == "tile/entries/x001/x234/067"
    assert single_file.tile_path("0", 7, 5) == "tile/0/007.p/5"
    assert single_file.PREDICATE_TYPES == KINDS


def test_a_copy_in_the_export_that_differs_from_the_running_one_is_named(changed: Exported) -> None:
    shutil.copyfile(changed.trust, changed.folder / "verify.py")

    answer = ask(changed.words())

    assert answer.code == 0
    assert answer.report["warnings"] == ["verify.py: differs from the one that you brought, which was used"]


def imports() -> list[str]:
    source = Path(single_file.__file__).read_text(encoding="utf-8")
    return [line for line in source.split("\n") if line.strip().startswith(("import ", "from "))]
