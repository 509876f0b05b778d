"""Whose signatures make a checkpoint believed, and when it was there: L2."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.evidence.builders import bench
from tests.evidence.single_file.authority import Authority
from tests.evidence.single_file.exports import WITNESSED_AT, Answer, Exported, Witness, ask, export, witness

from mintmark.evidence import single_file
from mintmark.evidence.checkpoint import open_checkpoint
from mintmark.evidence.note import NoteSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A small log with three witnesses that a policy may ask for."""

    made: Exported
    witnesses: Sequence[Witness]

    @property
    def text(self) -> str:
        note = (self.made.folder / "checkpoint").read_text(encoding="utf-8")
        return note.rpartition("\n\n")[0] + "\n"

    def policy(self, rules: str) -> None:
        lines = [f"log {self.made.place.signer.vkey} https://log.example/\n", "# three of them\n", "\n"]
        lines += [f"witness {'xyz'[at]}\t{each.vkey}\n" for at, each in enumerate(self.witnesses)]
        self.made.policy.write_text("".join(lines) + rules, encoding="utf-8")

    def signed_by(self, *lines: bytes) -> None:
        path = self.made.folder / "checkpoint"
        path.write_bytes(self.made.place.signer.sign(self.text).encode() + b"".join(lines))

    def line(self, at: int, *, moment: int = WITNESSED_AT) -> bytes:
        return self.witnesses[at].line(self.text, at=moment)

    def ask(self, *more: str) -> Answer:
        return ask(self.made.words(*more))


@pytest.fixture
def seen(tmp_path: Path) -> Witnessed:
    place = bench(tmp_path)
    made = export(place, place.fill(2), tmp_path)
    return Witnessed(made=made, witnesses=[witness(f"w{number}.example/w") for number in range(3)])


QUORUMS = {
    "quorum x\n": {"x", "xy", "xz", "xyz"},
    "group g any x y z\nquorum g\n": {"x", "y", "z", "xy", "xz", "yz", "xyz"},
    "group g 2 x y z\nquorum g\n": {"xy", "xz", "yz", "xyz"},
    "group g all x y z\nquorum g\n": {"xyz"},
    "group g any x y\ngroup h all g z\nquorum h\n": {"xz", "yz", "xyz"},
    "quorum none\n": {"", "x", "y", "z", "xy", "xz", "yz", "xyz"},
}


@pytest.mark.parametrize("rules", QUORUMS)
def test_a_quorum_is_what_the_policy_says(rules: str, seen: Witnessed) -> None:
    seen.policy(rules)
    for who in ("", "x", "y", "z", "xy", "xz", "yz", "xyz"):
        seen.signed_by(*(seen.line("xyz".index(one)) for one in who))

        answer = seen.ask()

        assert answer.code == (0 if who in QUORUMS[rules] else 3), who
        assert answer.open_reasons == (set() if who in QUORUMS[rules] else {("L2", "quorum_missing")})


def test_the_report_says_who_saw_it_and_when(seen: Witnessed) -> None:
    seen.policy("quorum y\n")
    seen.signed_by(seen.line(1))

    answer = seen.ask()

    assert answer.report["witnessed"]
    assert "witness y saw 2 entries at 2025-11-24T16:00:00Z" in answer.report["levels"]["L2"]["said"]


def test_a_missing_quorum_can_be_allowed_and_is_then_said(seen: Witnessed) -> None:
    seen.policy("group g 2 x y z\nquorum g\n")
    seen.signed_by(seen.line(0))

    answer = seen.ask("--allow-unwitnessed")

    assert (answer.code, answer.report["witnessed"]) == (0, False)
    assert "not detectable" in answer.report["warnings"][0]


def test_a_cosignature_that_does_not_hold_rejects_the_checkpoint(seen: Witnessed) -> None:
    """Of a known signer a bad signature is no mere absence."""
    seen.policy("group g any x y\nquorum g\n")
    seen.signed_by(seen.line(0), seen.witnesses[1].line("log.example/1\n7\nother\n"))

    assert ("L2", "signature_invalid") in seen.ask().reasons


def test_a_signer_that_nobody_knows_is_ignored(seen: Witnessed) -> None:
    seen.policy("quorum x\n")
    strangers = [witness(f"s{number}.example/s").line("anything\n") for number in range(20)]
    seen.signed_by(*strangers, seen.line(0))

    assert seen.ask().code == 0


def test_a_cosignature_from_the_future_is_refused(seen: Witnessed) -> None:
    seen.policy("quorum x\n")
    seen.signed_by(seen.line(0, moment=int(time.time()) + 86_400))
    assert ("L2", "future") in seen.ask().reasons

    seen.signed_by(seen.line(0, moment=int(time.time())))
    assert seen.ask().code == 0


def test_the_logs_own_note_signature_is_no_cosignature(seen: Witnessed) -> None:
    """A witness that signs as a log does states no time, and is not counted."""
    seen.policy("quorum x\n")
    signer = NoteSigner.generate(seen.witnesses[0].name)
    seen.signed_by(signer.sign(seen.text).rpartition("\n\n")[2].encode())

    assert seen.ask().open_reasons == {("L2", "quorum_missing")}


def test_a_checkpoint_signed_by_another_log_is_not_this_logs(seen: Witnessed) -> None:
    seen.policy("quorum none\n")
    other = NoteSigner.generate("log.example/1")
    (seen.made.folder / "checkpoint").write_text(other.sign(seen.text), encoding="utf-8")

    assert ("L2", "unsigned") in seen.ask().reasons


def test_one_key_under_two_names_is_refused_in_a_policy(seen: Witnessed) -> None:
    twin = Witness(name="twin.example/t", key=seen.witnesses[0].key)
    seen.policy(f"witness t {twin.vkey}\ngroup g 2 x t\nquorum g\n")
    seen.signed_by(seen.line(0), twin.line(seen.text))

    answer = seen.ask()

    assert answer.code == 2
    assert "stands twice" in answer.errors


def test_one_key_counts_once_whatever_names_it_has(seen: Witnessed) -> None:
    key = single_file.read_key(seen.witnesses[0].vkey)
    other = single_file.read_key(seen.witnesses[1].vkey)
    policy = single_file.Policy((), {"a": key, "b": other}, {"g": (2, ("a", "b"))}, "g")

    assert not policy.satisfied_by({key.public})
    assert policy.satisfied_by({key.public, other.public})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("", "a line `quorum`"),
        ("quorum nobody\n", "line 7: 'nobody' is not defined before"),
        ("quorum x\nquorum y\n", "line 8"),
        ("group g 2 x\nquorum g\n", "line 7: '2' of 1"),
        ("group g 0 x\nquorum g\n", "line 7: '0' of 1"),
        ("group g any h\ngroup h any x\nquorum g\n", "line 7: 'h' is not defined before"),
        ("group g any x x\nquorum g\n", "would count twice"),
        ("group g any x\ngroup h any x y\nquorum h\n", "would count twice"),
        ("group none any x\nquorum none\n", "line 7"),
        ("group x any y\nquorum x\n", "line 7"),
        ("witness w nonsense\nquorum none\n", "line 7"),
        ("allow everything\nquorum none\n", "line 7"),
        ("quorum none\x0b\n", "control character"),
    ],
)
def test_a_policy_that_is_not_understood_is_a_wrong_call(rules: str, said: str, seen: Witnessed) -> None:
    seen.policy(rules)

    answer = seen.ask()

    assert answer.code == 2
    assert said in answer.errors


def test_a_log_is_not_its_own_witness(seen: Witnessed) -> None:
    signer = seen.made.place.signer
    public = signer.verifier.public
    raw = single_file.Key("w.example/self", single_file.COSIGNATURE_V1, public)
    encoded = base64.b64encode(bytes([4]) + public).decode()
    seen.policy(f"witness s {raw.name}+{raw.id.hex()}+{encoded}\nquorum s\n")

    assert seen.ask().code == 2


def test_archived_checkpoints_must_be_there_and_bear_their_own_names(seen: Witnessed) -> None:
    seen.policy("quorum none\n")
    note = next((seen.made.folder / "checkpoint-archive").iterdir())
    note.rename(note.with_name("000000000001-0000000000000000.note"))
    assert seen.ask().reasons == {("L2", "name_mismatch")}

    note.with_name("000000000001-0000000000000000.note").unlink()
    answer = seen.ask()
    assert (answer.code, answer.open_reasons) == (3, {("L2", "archive_missing")})


class Stamped:
    def __init__(self, seen: Witnessed, folder: Path) -> None:
        seen.policy("quorum none\n")
        self.made, self.text = seen.made, seen.text.encode()
        self.authority = Authority.make(folder / "authority")
        checkpoint = open_checkpoint((seen.made.folder / "checkpoint").read_bytes(), seen.made.place.signer.verifier)
        (seen.made.folder / "timestamp").mkdir()
        name = f"{checkpoint.size:012d}-{checkpoint.root.hex()[:16]}.1.tsr"
        self.path = seen.made.folder / "timestamp" / name

    def ask(self, response: bytes, roots: Path | None = None) -> Answer:
        self.path.write_bytes(response)
        return ask(self.made.words("--tsa-roots", str(roots or self.authority.roots)))


def test_a_timestamp_holds_over_the_text_of_its_checkpoint(seen: Witnessed, tmp_path: Path) -> None:
    stamped = Stamped(seen, tmp_path)

    answer = stamped.ask(stamped.authority.stamp(stamped.text))

    assert answer.code == 0
    assert any(line.startswith("timestamps: 1; entries at 20") for line in answer.report["levels"]["L2"]["said"])


@pytest.mark.parametrize("attack", ["other text", "other authority", "cut", "no response", "weak digest"])
def test_a_timestamp_that_does_not_hold_fails(attack: str, seen: Witnessed, tmp_path: Path) -> None:
    stamped = Stamped(seen, tmp_path)
    good = stamped.authority.stamp(stamped.text)
    (tmp_path / "other").mkdir()
    roots = Authority.make(tmp_path / "other" / "authority").roots if attack == "other authority" else None
    response = {
        "other text": stamped.authority.stamp(b"log.example/1\n3\n"),
        "other authority": good,
        "cut": good[:-10],
        "no response": b"no response",
        "weak digest": stamped.authority.stamp(stamped.text, digest="sha1"),
    }[attack]

    answer = stamped.ask(response, roots)

    reason = "weak_algorithm" if attack == "weak digest" else "timestamp_invalid"
    assert (answer.code, answer.reasons) == (4, {("L2", reason)})


def test_a_timestamp_of_no_checkpoint_that_is_there_fails(seen: Witnessed, tmp_path: Path) -> None:
    stamped = Stamped(seen, tmp_path)
    stamped.path = stamped.path.with_name("000000000009-0000000000000000.1.tsr")

    assert stamped.ask(stamped.authority.stamp(stamped.text)).reasons == {("L2", "unexpected")}


def test_who_brings_certificates_and_finds_no_timestamp_is_told(seen: Witnessed, tmp_path: Path) -> None:
    stamped = Stamped(seen, tmp_path)

    answer = ask(stamped.made.words("--tsa-roots", str(stamped.authority.roots)))

    assert (answer.code, answer.open_reasons) == (3, {("L2", "no_trusted_time")})
