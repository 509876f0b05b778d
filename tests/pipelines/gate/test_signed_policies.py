"""A pack decides where two people vouch for it and nothing newer was in force; else it does not."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from tests.pipelines.gate.signers import NOW, Office, after, one, place

from mintmark.pipelines.errors import ExitCode, InfrastructureError, IntegrityError
from mintmark.pipelines.gate import build
from mintmark.pipelines.gate.errors import PolicyNotVouchedFor, PolicyTampered
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.policy_memory import PolicyMemory, Remembered
from mintmark.pipelines.gate.signed import FOLDER, SUFFIX, sign_pack, verify_pack, version_to_sign

OTHER = ('"opa_version": "1', '"opa_version": "01')  # another manifest, and so another digest


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(folder=tmp_path)


def refused(office: Office, pack: PolicyPack) -> PolicyNotVouchedFor:
    with pytest.raises(PolicyNotVouchedFor) as refusal:
        office.verify(pack)
    assert refusal.value.exit_code is ExitCode.INTEGRITY
    return refusal.value


def test_a_pack_that_two_people_signed_is_used_and_remembered(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")

    found = office.verify(pack)

    assert (found.version, found.signers) == (one(pack), ("ana", "ben"))
    assert office.memory.recall() == Remembered(serial=1, digest=pack.digest)
    assert "first policy" in found.warnings[0]
    assert office.verify(pack).warnings == ()


def test_a_pack_that_nobody_signed_is_refused(office: Office) -> None:
    assert refused(office, office.pack()).reason == "policy_unsigned"


def test_an_allow_all_pack_in_place_of_the_signed_one_is_refused(office: Office, opa: Path) -> None:
    """Built with the same tool, whole in itself, and beside the signatures of the one that it replaced."""
    pack = office.pack()
    office.sign(pack, "ana", "ben")
    rules = ", ".join(f'"{rule}"' for rule in sorted(pack.rules))
    lists = '"violations": set(), "incomplete": set(), "waived": set(), "bypassed": set(), "warnings": set()'
    (pack.root / "gates/verdict.rego").write_text(
        f'package mintmark.gate\n\nverdict := {{"decision": "ALLOW", "satisfied": {{{rules}}}, {lists}}}\n'
    )
    build.build(pack.root)

    assert refused(office, PolicyPack.load(pack.root)).reason == "policy_unsigned"


def test_a_pack_whose_signatures_were_removed_is_refused(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")
    office.verify(pack)
    shutil.rmtree(pack.root / FOLDER)

    assert refused(office, pack).reason == "policy_unsigned"


@pytest.mark.parametrize(
    "path", ["gates/scan/more.rego", "gates/lib/data.json", "bundle/data.json.bak", "signatures/policy.rego"]
)
def test_a_file_that_nobody_signed_is_refused(path: str, office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")
    (pack.root / path).write_text("{}")

    with pytest.raises(PolicyTampered) as tampered:
        office.verify(PolicyPack.load(pack.root))

    assert (tampered.value.reason, tampered.value.path) == ("policy_extra_file", path)


@pytest.mark.parametrize("names", [["ana"], ["ben"], ["ana", "ana2"], ["ben", "ben"]])
def test_one_person_is_not_two_whatever_keys_they_hold(names: list[str], office: Office) -> None:
    pack = office.pack()
    office.sign(pack, *names)

    assert refused(office, pack).reason == "policy_two_person"


@pytest.mark.parametrize(
    ("name", "person", "says"),
    [
        ("cy", "cy", "revoked"),
        ("dan", "dan", "may not write policy"),
        ("eve", "eve", "nobody is known"),
        ("eve", "ben", "nobody is known"),
        ("ben", "cy", "the key is of ben"),
        ("ana2", "ben", "the key is of ana"),
        ("laptop", "ben", "origin local"),
    ],
)
def test_a_signature_that_does_not_count_makes_no_second_person(
    name: str, person: str, says: str, office: Office
) -> None:
    pack = office.pack()
    office.sign(pack, "ana", name, persons=["ana", person])

    refusal = refused(office, pack)

    assert refusal.reason == "policy_two_person"
    assert says in str(refusal)


def test_a_stranger_and_a_forgery_do_not_count(office: Office, tmp_path: Path) -> None:
    pack = office.pack()
    office.sign(pack, "ana")
    stranger = Office(folder=tmp_path / "elsewhere")
    place(pack, "stranger", sign_pack(pack, stranger.keys["ben"], one(pack), person="ben", now=NOW))
    bundle = json.loads(sign_pack(pack, office.keys["ben"], one(pack), person="ben", now=NOW))
    forged = json.loads(sign_pack(office.pack("two", edit=OTHER), office.keys["ben"], one(pack), person="ben", now=NOW))
    bundle["dsseEnvelope"]["signatures"] = forged["dsseEnvelope"]["signatures"]
    place(pack, "forged", json.dumps(bundle).encode())

    refusal = refused(office, pack)

    assert refusal.reason == "policy_two_person"
    assert "not in the trust policy" in str(refusal)
    assert "does not hold" in str(refusal)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 5000])
def test_what_is_no_bundle_vouches_for_nothing(content: bytes, office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana")
    place(pack, "noise", content)

    assert refused(office, pack).reason == "policy_two_person"


def test_two_people_who_signed_different_versions_do_not_agree(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana")
    office.sign(pack, "ben", version=after(pack, None, 2))

    assert refused(office, pack).reason == "policy_two_person"


def test_signatures_of_another_pack_vouch_for_nothing_here(office: Office) -> None:
    pack, other = office.pack(), office.pack("two", edit=OTHER)
    office.sign(pack, "ana", "ben")
    shutil.copytree(pack.root / FOLDER, other.root / FOLDER)

    assert refused(office, other).reason == "policy_unsigned"


def test_the_trust_policy_may_ask_for_more_people(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")
    trust = office.trust.__class__(keys=office.trust.keys, thresholds={"policy": 3})

    with pytest.raises(PolicyNotVouchedFor) as refusal:
        verify_pack(pack, trust=trust, people=office.people, memory=office.memory, required=True, now=NOW)

    assert refusal.value.reason == "policy_two_person"
    assert office.memory.recall() is None


def test_a_signature_of_times_to_come_does_not_count(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")

    with pytest.raises(PolicyNotVouchedFor) as refusal:
        office.verify(pack, now=NOW - timedelta(hours=1))

    assert refusal.value.reason == "policy_unsigned"


# Versions in their order.


@pytest.fixture
def versions(office: Office) -> tuple[PolicyPack, PolicyPack]:
    """Version 1 and version 2, which names it; both signed by two people, and 2 in force."""
    old, new = office.pack("one"), office.pack("two", edit=OTHER)
    office.sign(old, "ana", "ben")
    office.sign(new, "ana", "ben", version=after(new, old, 2))
    office.verify(old)
    office.verify(new)
    return old, new


def test_the_next_version_takes_the_place_of_the_last(office: Office, versions: tuple[PolicyPack, PolicyPack]) -> None:
    _, new = versions

    assert office.memory.recall() == Remembered(serial=2, digest=new.digest)
    assert office.verify(new).warnings == ()


def test_an_older_version_is_refused_and_the_newer_stays_in_force(
    office: Office, versions: tuple[PolicyPack, PolicyPack]
) -> None:
    """Every signature of it holds: it was in force once."""
    old, new = versions

    refusal = refused(office, old)

    assert refusal.reason == "policy_rollback"
    assert new.digest in str(refusal)
    assert office.memory.recall() == Remembered(serial=2, digest=new.digest)
    assert office.verify(new).version == after(new, old, 2)


def test_another_pack_of_the_same_number_is_refused(office: Office, versions: tuple[PolicyPack, PolicyPack]) -> None:
    old, _ = versions
    fork = office.pack("fork", edit=('"opa_version": "1', '"opa_version": "001'))
    office.sign(fork, "ana", "ben", version=after(fork, old, 2))

    assert refused(office, fork).reason == "policy_rollback"


def test_the_next_number_after_another_pack_is_refused(office: Office, versions: tuple[PolicyPack, PolicyPack]) -> None:
    """It was made on another version 2 than the one that was in force here."""
    old, _ = versions
    fork = office.pack("fork", edit=('"opa_version": "1', '"opa_version": "001'))
    office.sign(fork, "ana", "ben", version=after(fork, old, 3))

    refusal = refused(office, fork)

    assert refusal.reason == "policy_rollback"
    assert "follows" in str(refusal)


def test_a_version_that_skipped_some_is_used_with_a_warning(
    office: Office, versions: tuple[PolicyPack, PolicyPack]
) -> None:
    later = office.pack("later", edit=('"opa_version": "1', '"opa_version": "001'))
    office.sign(later, "ana", "ben", version=after(later, versions[0], 7))

    assert "was not seen here" in office.verify(later).warnings[0]
    assert office.memory.recall() == Remembered(serial=7, digest=later.digest)


def test_what_was_right_before_returns_under_a_new_number(
    office: Office, versions: tuple[PolicyPack, PolicyPack]
) -> None:
    """Taking a change back is a change: two people sign it again."""
    old, new = versions
    office.sign(old, "ana", "ben", version=after(old, new, 3))

    assert office.verify(old).version == after(old, new, 3)


def test_two_lines_of_packs_do_not_compare_their_numbers(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben", version=after(pack, None, 5))
    office.verify(pack)
    other = office.pack("two", edit=OTHER)
    office.sign(other, "ana", "ben")
    memory = PolicyMemory(folder=office.memory.folder, name="https://example.com/other.git")

    found = verify_pack(other, trust=office.trust, people=office.people, memory=memory, required=True, now=NOW)

    assert found.signers == ("ana", "ben")
    assert refused(office, other).reason == "policy_rollback"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"serial": true, "digest": "x"}', '{"serial": 1, "digest": "x"}'])
def test_a_memory_that_cannot_be_read_accepts_nothing(content: str, office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")
    office.verify(pack)
    office.memory.path.write_text(content)

    with pytest.raises(IntegrityError) as refusal:
        office.verify(pack)

    assert refusal.value.reason == "policy_memory"


def test_a_memory_that_cannot_be_written_accepts_nothing(office: Office) -> None:
    pack = office.pack()
    office.sign(pack, "ana", "ben")
    (office.folder / "state").write_text("a file where the folder should be")

    with pytest.raises(InfrastructureError) as refusal:
        office.verify(pack)

    assert refusal.value.reason == "policy_memory"


def test_of_many_at_once_the_newest_stays_remembered(office: Office) -> None:
    packs = [office.pack(f"v{n}", edit=('"opa_version": "1', f'"opa_version": "{n}.1')) for n in range(1, 7)]
    for n, pack in enumerate(packs, 1):
        office.sign(pack, "ana", "ben", version=after(pack, None, n * 10))

    def accept(pack: PolicyPack) -> str:
        try:
            office.verify(pack)
        except PolicyNotVouchedFor as refusal:
            return refusal.reason
        return "accepted"

    with ThreadPoolExecutor(max_workers=6) as pool:
        accepted = list(pool.map(accept, packs))

    assert accepted[-1] == "accepted"
    assert set(accepted) <= {"accepted", "policy_rollback"}
    assert office.memory.recall() == Remembered(serial=60, digest=packs[-1].digest)


# Where signatures are optional.


@pytest.mark.parametrize("names", [[], ["ana"], ["laptop"]])
def test_without_signatures_an_unprotected_environment_is_warned(names: list[str], office: Office) -> None:
    pack = office.pack()
    office.sign(pack, *names, persons=["ben" if name == "laptop" else name for name in names])

    found = office.verify(pack, required=False)

    assert (found.version, found.signers) == (None, ())
    assert "would refuse it" in found.warnings[0]
    assert office.memory.recall() is None


def test_optional_signatures_are_told_and_not_remembered(office: Office) -> None:
    """Two keys of a developer's machine must not move the number that production compares with."""
    pack = office.pack()
    office.sign(pack, "ana", "laptop", version=after(pack, None, 999), persons=["ana", "ben"])

    assert office.verify(pack, required=False).signers == ("ana", "ben")
    assert office.memory.recall() is None


def test_even_there_the_pinned_pack_is_the_only_one(office: Office) -> None:
    pack = office.pack()

    with pytest.raises(PolicyTampered) as tampered:
        verify_pack(
            pack,
            trust=office.trust,
            people=office.people,
            memory=office.memory,
            required=False,
            now=NOW,
            expected_digest="0" * 64,
        )

    assert tampered.value.reason == "policy_tampered"


# What the next signature is for.


def test_the_second_person_signs_what_the_first_one_signed(office: Office) -> None:
    pack = office.pack()
    assert version_to_sign(pack, author="ana") == one(pack)
    office.sign(pack, "ana")

    assert version_to_sign(pack, author="ben") == one(pack)


def test_the_first_signature_of_a_changed_pack_is_for_the_next_version(office: Office) -> None:
    old, new = office.pack(), office.pack("two", edit=OTHER)
    office.sign(old, "ana", "ben")
    shutil.copytree(old.root / FOLDER, new.root / FOLDER)

    assert version_to_sign(new, author="ana") == after(new, old, 2)


def test_too_many_files_are_no_signatures(office: Office) -> None:
    pack = office.pack()
    (pack.root / FOLDER).mkdir()
    for number in range(1001):
        (pack.root / FOLDER / f"{number}{SUFFIX}").touch()

    with pytest.raises(PolicyTampered):
        office.verify(pack)
