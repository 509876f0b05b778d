"""A log with real witnesses and a real timestamp authority: what they add, and what it does when they are away."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.evidence import timestamp_authority
from tests.evidence.builders import Bench, Clerk, bench, trust_text
from tests.evidence.stores import copy_store, restore_store
from tests.evidence.timestamp_authority import LocalAuthority, local_authority
from tests.evidence.witness.builders import serving, witness

from mintmark.evidence.archive import Archive
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.endorsement import Endorsed, Timestamping, WitnessQuorum
from mintmark.evidence.errors import LogRefused, StoreUnavailable
from mintmark.evidence.log import EvidenceLog
from mintmark.evidence.log_policy import LogPolicy, parse_log_policy
from mintmark.evidence.note import add_lines, parse_note
from mintmark.evidence.store.open import open_backend
from mintmark.evidence.timestamps import TimestampAuthority
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.live import LiveSource
from mintmark.evidence.verify.report import Answer, VerificationReport
from mintmark.evidence.witness.client import Prove, WitnessClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A log whose policy asks two of three witnesses; `running` can be closed to have them away."""

    place: Bench
    policy: LogPolicy
    running: ExitStack

    def open(self, *, required: bool = True) -> EvidenceLog:
        client = WitnessClient(policy=self.policy, timeout_s=2)
        return EvidenceLog.open(
            self.place.url,
            archive=self.place.archive,
            signer=self.place.signer,
            trust=self.place.trust,
            clerk=Clerk(self.place.key),
            endorsers=(WitnessQuorum(client=client, required=required),),
            witnesses=self.policy,
        )

    def verify(
        self, *, trust: TrustPolicy | None = None, authorities: tuple[bytes, ...] = (), ask: bool = False
    ) -> VerificationReport:
        source = LiveSource(backend=open_backend(self.place.url), archive=Archive(folder=self.place.archive))
        return verify_log(
            source,
            Trust(
                log_key=self.place.signer.verifier,
                policy=trust or self.place.trust,
                witnesses=self.policy,
                authorities=authorities,
            ),
            ask=ask,
        )


def witnessed(place: Bench, folder: Path, running: ExitStack) -> Witnessed:
    known = parse_log_policy(f"log {place.signer.vkey}\nquorum none\n".encode())
    served = [witness(folder / f"w{number}", known, f"w{number}.example/1") for number in (1, 2, 3)]
    lines = [f"log {place.signer.vkey}"]
    for number, one in enumerate(served, 1):
        lines.append(f"witness W{number} {one.signer.vkey} {running.enter_context(serving(one))}")
    policy = parse_log_policy("\n".join([*lines, "group two 2 W1 W2 W3", "quorum two", ""]).encode())
    return Witnessed(place=place, policy=policy, running=running)


@pytest.fixture
def log_with_witnesses(place: Bench, tmp_path: Path) -> Iterator[Witnessed]:
    with ExitStack() as running:
        yield witnessed(place, tmp_path, running)


def now() -> datetime:
    return datetime.now(UTC)


def test_what_is_published_has_a_quorum(log_with_witnesses: Witnessed) -> None:
    log = log_with_witnesses.open()
    for number in range(3):
        log.record(log_with_witnesses.place.bundle(number=number), now=now())

    report = log_with_witnesses.verify()

    assert report.answer is Answer.VERIFIED
    assert (report.missing, report.warnings) == ((), ())
    assert "9 cosignatures" in report.checked["L2"]


def test_without_a_quorum_nothing_is_published_and_nothing_lost(log_with_witnesses: Witnessed, tmp_path: Path) -> None:
    place = log_with_witnesses.place
    log = log_with_witnesses.open()
    log.record(place.bundle(number=1), now=now())
    before = log.store.checkpoint()
    log_with_witnesses.running.close()

    with pytest.raises(StoreUnavailable) as refused:
        log.record(place.bundle(number=2), now=now())
    with pytest.raises(StoreUnavailable):
        log_with_witnesses.open()

    assert (refused.value.reason, refused.value.exit_code) == ("quorum_missing", 5)
    assert log.store.checkpoint() == before
    assert log.store.head().size == 2
    report = log_with_witnesses.verify()
    assert (report.answer, report.missing[0].index) == (Answer.NOT_VERIFIABLE, 1)


def test_where_a_quorum_is_optional_the_gap_is_recorded_once(log_with_witnesses: Witnessed) -> None:
    place = log_with_witnesses.place
    log = log_with_witnesses.open(required=False)
    log.record(place.bundle(number=1), now=now())
    log_with_witnesses.running.close()

    for number in (2, 3):
        log.record(place.bundle(number=number), now=now())

    assert [row.kind for row in log.search()] == ["scan", "scan", "gap", "scan"]
    assert [row.refs for row in log.search(kind="gap")] == [("gap:witness-quorum",)]


def test_the_gap_is_closed_when_the_witnesses_are_back(on_sqlite: Bench, tmp_path: Path) -> None:
    with ExitStack() as running:
        there = witnessed(on_sqlite, tmp_path, running)
        away = replace(there, policy=unreachable(there.policy))
        log = away.open(required=False)
        log.record(on_sqlite.bundle(number=1), now=now())
        back = replace(log, endorsers=(WitnessQuorum(client=WitnessClient(policy=there.policy)),))
        back._open_gaps.update(log._open_gaps)
        back.record(on_sqlite.bundle(number=2), now=now())

        assert [row.kind for row in log.search()] == ["scan", "gap", "scan", "gap"]
        assert b'"until"' in log.prove(3).statement
        assert there.verify().answer is Answer.VERIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """Before the witnesses are asked, another publisher has them cosign what it has recorded meanwhile."""

    quorum: WitnessQuorum
    overtake: list[Callable[[], object]]

    def survey(self, note: bytes, checkpoint: Checkpoint, newest: Callable[[], int]) -> None:
        while self.overtake:
            self.overtake.pop()()
        self.quorum.survey(note, checkpoint, newest)

    def endorse(self, note: bytes, checkpoint: Checkpoint, prove: Prove, newest: Callable[[], int]) -> Endorsed:
        while self.overtake:
            self.overtake.pop()()
        return self.quorum.endorse(note, checkpoint, prove, newest)


def overtaken(there: Witnessed, *, required: bool) -> Overtaken:
    quorum = WitnessQuorum(client=WitnessClient(policy=there.policy, timeout_s=2), required=required)
    return Overtaken(quorum=quorum, overtake=[])


def test_a_log_that_grows_while_another_process_opens_it_is_no_rollback(log_with_witnesses: Witnessed) -> None:
    place = log_with_witnesses.place
    other = log_with_witnesses.open()
    other.record(place.bundle(number=1), now=now())
    endorser = overtaken(log_with_witnesses, required=True)
    endorser.overtake.append(lambda: other.record(place.bundle(number=2), now=now()))

    log = EvidenceLog.open(
        place.url,
        archive=place.archive,
        signer=place.signer,
        trust=place.trust,
        clerk=Clerk(place.key),
        endorsers=(endorser,),
    )

    assert log.store.head().size == 2


@pytest.mark.parametrize("required", [True, False])
def test_who_is_overtaken_by_another_publisher_has_a_quorum_and_no_gap(
    required: bool, log_with_witnesses: Witnessed
) -> None:
    place = log_with_witnesses.place
    other = log_with_witnesses.open()
    endorser = overtaken(log_with_witnesses, required=required)
    log = replace(other, endorsers=(endorser,))
    endorser.overtake.append(lambda: other.record(place.bundle(number=2), now=now()))

    log.record(place.bundle(number=1), now=now())

    assert [row.kind for row in log.search()] == ["scan", "scan"]
    assert log_with_witnesses.verify().answer is Answer.VERIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Faltering:
    """A clerk that cannot sign as often as it is told."""

    clerk: Clerk
    failures: list[StoreUnavailable]

    def sign(self, statement: bytes) -> bytes:
        if self.failures:
            raise self.failures.pop()
        return self.clerk.sign(statement)


def test_a_gap_that_could_not_be_recorded_is_recorded_the_next_time(on_sqlite: Bench, tmp_path: Path) -> None:
    with ExitStack() as running:
        there = witnessed(on_sqlite, tmp_path, running)
        away = replace(there, policy=unreachable(there.policy))
        clerk = Faltering(clerk=Clerk(on_sqlite.key), failures=[StoreUnavailable("no key", reason="no_key")])
        log = replace(away.open(required=False), clerk=clerk)
        with pytest.raises(StoreUnavailable, match="no key"):
            log.record(on_sqlite.bundle(number=1), now=now())
        log.record(on_sqlite.bundle(number=2), now=now())
        back = replace(log, endorsers=(WitnessQuorum(client=WitnessClient(policy=there.policy)),))
        back._open_gaps.update(log._open_gaps)
        clerk.failures.append(StoreUnavailable("no key", reason="no_key"))
        with pytest.raises(StoreUnavailable, match="no key"):
            back.record(on_sqlite.bundle(number=3), now=now())
        back.record(on_sqlite.bundle(number=4), now=now())

    assert [row.kind for row in log.search()] == ["scan", "scan", "gap", "scan", "scan", "gap"]


def unreachable(policy: LogPolicy) -> LogPolicy:
    away = tuple(replace(one, url="http://127.0.0.1:9") for one in policy.witnesses)
    return replace(policy, witnesses=away)


def test_a_restored_store_and_archive_are_found_by_the_witnesses_when_it_opens(
    log_with_witnesses: Witnessed, tmp_path: Path
) -> None:
    """Whoever restores the whole machine restores the archive with it; the witness remembers."""
    place = log_with_witnesses.place
    log_with_witnesses.open().record(place.bundle(number=1), now=now())
    backup = copy_store(place.url, tmp_path)
    shutil.copytree(place.archive, tmp_path / "archive-backup")
    log_with_witnesses.open().record(place.bundle(number=2), now=now())
    restore_store(place.url, backup)
    shutil.rmtree(place.archive)
    shutil.copytree(tmp_path / "archive-backup", place.archive)

    with pytest.raises(LogRefused) as refused:
        log_with_witnesses.open()
    alone, asked = log_with_witnesses.verify(), log_with_witnesses.verify(ask=True)

    assert refused.value.reason == "rollback"
    assert alone.answer is Answer.VERIFIED  # sound in itself, with the cosignatures of its day
    assert (asked.answer, asked.broken[0].index, asked.broken[0].reason[:8]) == (Answer.FAILED, 1, "rollback")


def test_witnesses_that_are_asked_say_what_they_have_seen(log_with_witnesses: Witnessed) -> None:
    log_with_witnesses.open().record(log_with_witnesses.place.bundle(number=1), now=now())

    there = log_with_witnesses.verify(ask=True)
    log_with_witnesses.running.close()
    away = log_with_witnesses.verify(ask=True)

    assert there.answer is Answer.VERIFIED
    assert "the log has 1 entries; W1 has seen 1, W2 has seen 1, W3 has seen 1" in there.warnings
    assert (away.answer, away.missing[0].place) == (Answer.NOT_VERIFIABLE, "witnesses")


def test_another_history_under_the_same_key_is_found_by_the_witnesses(
    log_with_witnesses: Witnessed, tmp_path: Path
) -> None:
    """Store, archive and log key are the attacker's, who rewrites everything consistently."""
    place = log_with_witnesses.place
    place.open()
    empty = copy_store(place.url, tmp_path)
    log_with_witnesses.open().record(place.bundle(number=1), now=now())
    cosigned = tmp_path / "kept"
    shutil.copytree(place.archive, cosigned)
    restore_store(place.url, empty)
    shutil.rmtree(place.archive)
    place.open().record(place.bundle(number="rewritten"), now=now())

    with pytest.raises(LogRefused) as refused:
        log_with_witnesses.open()
    report = log_with_witnesses.verify()

    assert refused.value.reason == "fork"
    assert place.verify().answer is Answer.VERIFIED  # who asks no witness is deceived, and is told so
    assert "can rewrite it unseen" in log_with_witnesses.place.verify().warnings[0]
    assert (report.answer, report.missing[0].place) == (Answer.NOT_VERIFIABLE, "witnesses")


def revoked(place: Bench, folder: Path, at: datetime) -> TrustPolicy:
    path = folder / "revoked.toml"
    text = trust_text(place.key.public_key()).replace("origin =", f"revoked_at = {at.isoformat()}\norigin =")
    path.write_text(text, encoding="utf-8")
    return TrustPolicy.load(path)


def test_a_revoked_key_is_believed_for_what_was_witnessed_before(log_with_witnesses: Witnessed, tmp_path: Path) -> None:
    place = log_with_witnesses.place
    log = log_with_witnesses.open()
    index = log.record(place.bundle(number=1), now=now()).index
    later = revoked(place, tmp_path, now() + timedelta(hours=1))
    earlier = revoked(place, tmp_path, now() - timedelta(hours=1))

    after = log_with_witnesses.verify(trust=later)
    before = log_with_witnesses.verify(trust=earlier)

    assert replace(log, trust=later).prove(index).index == index
    assert after.answer is Answer.VERIFIED
    assert (before.answer, before.broken[0].level) == (Answer.FAILED, "L5")
    assert "revoked" in before.broken[0].reason


def test_backdating_with_a_stolen_key_is_not_believed(log_with_witnesses: Witnessed, tmp_path: Path) -> None:
    """The log's clock says that it was before the revocation; the witnesses saw it afterwards."""
    place = log_with_witnesses.place
    log = log_with_witnesses.open()
    stolen = now() - timedelta(minutes=10)
    index = log.record(place.bundle(number=1), now=now() - timedelta(hours=1)).index
    trust = revoked(place, tmp_path, stolen)

    with pytest.raises(LogRefused) as refused:
        replace(log, trust=trust).prove(index)
    report = log_with_witnesses.verify(trust=trust)

    assert refused.value.reason == "key_revoked"
    assert (report.answer, report.broken[0].reason[:11]) == (Answer.FAILED, "key_revoked")


def test_without_any_witness_a_revoked_key_is_not_verifiable(on_sqlite: Bench, tmp_path: Path) -> None:
    log = on_sqlite.open()
    index = log.record(on_sqlite.bundle(), now=now()).index
    trust = revoked(on_sqlite, tmp_path, now() + timedelta(hours=1))

    with pytest.raises(LogRefused) as refused:
        replace(log, trust=trust).prove(index)
    report = replace(on_sqlite, trust=trust).verify()

    assert refused.value.reason == "no_trusted_time"
    assert (report.answer, "no_trusted_time" in report.missing[0].reason) == (Answer.NOT_VERIFIABLE, True)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[LocalAuthority, str]]:
    made = local_authority(tmp_path / "authority")
    with timestamp_authority.serving(made) as url:
        yield made, url


def stamped(place: Bench, url: str, root: bytes, *, required: bool = True, every_s: float = 0) -> EvidenceLog:
    archive = Archive(folder=place.archive)
    endorser = Timestamping(
        authorities=[TimestampAuthority(url=url, roots=(root,))], archive=archive, every_s=every_s, required=required
    )
    return replace(place.open(), endorsers=(endorser,))


def test_checkpoints_are_stamped_and_the_stamps_verified(
    authority: tuple[LocalAuthority, str], on_sqlite: Bench, tmp_path: Path
) -> None:
    made, url = authority
    log = stamped(on_sqlite, url, made.root)
    index = log.record(on_sqlite.bundle(), now=now()).index
    there = Witnessed(
        place=on_sqlite,
        policy=parse_log_policy(f"log {on_sqlite.signer.vkey}\nquorum none\n".encode()),
        running=ExitStack(),
    )
    trust = revoked(on_sqlite, tmp_path, now() + timedelta(hours=1))

    assert "1 timestamps" in there.verify(authorities=(made.root,)).checked["L2"]
    assert there.verify(trust=trust, authorities=(made.root,)).answer is Answer.VERIFIED
    unchecked = there.verify()
    assert (unchecked.answer, "not checked" in unchecked.missing[0].reason) == (Answer.NOT_VERIFIABLE, True)
    assert index == 0


def test_a_stamp_that_was_changed_fails(authority: tuple[LocalAuthority, str], on_sqlite: Bench) -> None:
    made, url = authority
    stamped(on_sqlite, url, made.root).record(on_sqlite.bundle(), now=now())
    path = next(on_sqlite.archive.glob("*.tsr"))
    path.write_bytes(path.read_bytes()[:-9])
    policy = parse_log_policy(f"log {on_sqlite.signer.vkey}\nquorum none\n".encode())

    report = Witnessed(place=on_sqlite, policy=policy, running=ExitStack()).verify(authorities=(made.root,))

    assert (report.answer, report.broken[0].place) == (Answer.FAILED, path.name)


def test_an_authority_that_is_away_stops_the_log_or_leaves_a_gap(on_sqlite: Bench, tmp_path: Path) -> None:
    made = local_authority(tmp_path / "authority")
    root = made.root
    with timestamp_authority.serving(made) as url:
        pass
    with pytest.raises(StoreUnavailable) as refused:
        stamped(on_sqlite, url, root).record(on_sqlite.bundle(number=1), now=now())
    log = stamped(on_sqlite, url, root, required=False)
    log.record(on_sqlite.bundle(number=2), now=now())

    assert refused.value.reason == "timestamp_unavailable"
    assert [row.refs for row in log.search(kind="gap")] == [("gap:timestamp",)]


@pytest.mark.parametrize("required", [True, False])
def test_a_second_authority_that_is_away_is_missing_until_it_has_stamped(
    required: bool, authority: tuple[LocalAuthority, str], on_sqlite: Bench
) -> None:
    made, url = authority
    log = stamped(on_sqlite, url, made.root, every_s=3600, required=required)
    away = TimestampAuthority(url="http://127.0.0.1:9", roots=(made.root,))
    both = replace(log.endorsers[0], authorities=[TimestampAuthority(url=url, roots=(made.root,)), away])  # type: ignore[type-var]
    log = replace(log, endorsers=(both,))

    for number in range(2):
        if required:
            with pytest.raises(StoreUnavailable):
                log.record(on_sqlite.bundle(number=number), now=now())
        else:
            log.record(on_sqlite.bundle(number=number), now=now())

    assert b"".join(log.prove(row.index).statement for row in log.search(kind="gap")).count(b'"until"') == 0


def test_a_stamp_that_does_not_hold_leaves_a_gap_where_stamps_are_optional(
    authority: tuple[LocalAuthority, str], on_sqlite: Bench, tmp_path: Path
) -> None:
    other = local_authority(tmp_path / "other")
    log = stamped(on_sqlite, authority[1], other.root, required=False)
    log.record(on_sqlite.bundle(), now=now())

    assert [row.refs for row in log.search(kind="gap")] == [("gap:timestamp",)]


def test_what_two_publishers_collected_is_archived_together(log_with_witnesses: Witnessed) -> None:
    place, client = log_with_witnesses.place, WitnessClient(policy=log_with_witnesses.policy)
    log = place.fill(1)
    archive, note = Archive(folder=place.archive), log.store.checkpoint() or b""
    checkpoint = open_checkpoint(note, place.signer.verifier)
    both = client.cosign(note, checkpoint, lambda _size: []).note
    first, second = (line.encode() for line in parse_note(both)[1][1:3])

    archive.add_signatures(checkpoint, add_lines(note, [first]))
    archive.add_signatures(checkpoint, add_lines(note, [second]))

    assert archive.read(checkpoint) == add_lines(note, [first, second])


def test_stamps_are_not_asked_for_more_often_than_configured(
    authority: tuple[LocalAuthority, str], on_sqlite: Bench
) -> None:
    made, url = authority
    log = stamped(on_sqlite, url, made.root, every_s=3600)
    for number in range(3):
        log.record(on_sqlite.bundle(number=number), now=now())

    assert len(list(on_sqlite.archive.glob("*.tsr"))) == 1


def test_a_bench_of_its_own_has_no_witness(tmp_path: Path) -> None:
    place = bench(tmp_path)
    place.fill(2)

    assert place.verify().answer is Answer.VERIFIED
