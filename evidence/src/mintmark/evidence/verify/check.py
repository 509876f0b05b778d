"""The order of the checks: what was archived, one pass over the entries, and then what must agree with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DatabaseError

from mintmark.evidence.archive import name_of
from mintmark.evidence.checkpoint import Checkpoint, open_checkpoint
from mintmark.evidence.errors import EvidenceError, FormatError, LogRefused
from mintmark.evidence.ledger.interface import LedgerSource
from mintmark.evidence.log_policy import LogPolicy
from mintmark.evidence.note import VerifierKey, parse_note
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify import hashing
from mintmark.evidence.verify.exported import ExportedSnapshot
from mintmark.evidence.verify.interface import LogSource, Note, Snapshot, Timestamp
from mintmark.evidence.verify.ledger_level import check_ledger
from mintmark.evidence.verify.online import ask_witnesses
from mintmark.evidence.verify.report import Findings, Level, VerificationReport
from mintmark.evidence.verify.third_parties import Heard, hear, judge_quorum, judge_timestamps
from mintmark.evidence.verify.walk import HASHED, Walk, Walked, is_later_epoch

ALL_LEVELS = frozenset(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """
    What the auditor brings: the log's key, and who may write what.

    `witnesses` is the log policy with the quorum that is asked for; `authorities` are certificates (PEM) of timestamp
    authorities.
    """

    log_key: VerifierKey
    policy: TrustPolicy
    witnesses: LogPolicy | None = None
    authorities: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Known:
    """Checkpoints whose signatures hold: what others kept, what the log archived, what the store has, who vouched."""

    seen: dict[str, Checkpoint] = field(default_factory=dict)
    archived: dict[str, Checkpoint] = field(default_factory=dict)
    published: dict[str, Checkpoint] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)

    def sizes(self) -> set[int]:
        return {
            checkpoint.size for checkpoint in (*self.seen.values(), *self.archived.values(), *self.published.values())
        }


def verify_log(
    source: LogSource,
    trust: Trust,
    *,
    levels: Collection[Level] = ALL_LEVELS,
    seen: Collection[Note] = (),
    ask: bool = False,
) -> VerificationReport:
    """
    Check a log without writing a byte and without believing its store.

    `seen` are checkpoints that somebody else kept: the log must have grown from each of them. With `ask` the witnesses
    of the policy are asked over the network what they have seen; all else is offline.
    FAILED when anything does not hold. NOT_VERIFIABLE when all holds and no archived checkpoint says how long the log
    was: a prefix of a valid log is itself a valid log. Raises `NotFound` where there is no log.
    """
    findings, wanted = Findings(), frozenset(levels) | {Level.L1}
    if Level.L4 in wanted:
        wanted |= {Level.L5}  # what a batch says is read from its payload
    archived, timestamps, ledger = source.archived(), source.timestamps(), source.ledger
    known = _Known(seen=_opened(seen, trust, findings), archived=_opened(archived, trust, findings))
    walked, batches = Walked(), dict[Any, Any]()
    try:
        with source.snapshot() as snapshot:
            published = snapshot.published()
            known.published = _opened(published, trust, findings)
            known.heard = _hear([*seen, *archived, *published], timestamps, known, trust, findings)
            batches |= dict(snapshot.batches())
            sizes = known.sizes() | {size for size in batches if isinstance(size, int)}
            _walk(snapshot, findings, wanted, trust, walked, sizes, known.heard)
            for place, what in snapshot.own_state(walked.size, walked.root, trust.log_key.name):
                findings.fail("L1", place, what)
            findings.warnings += [f"{place} is not verified" for place in snapshot.unchecked()]
    except (DatabaseError, OverflowError, LogRefused, FormatError) as cause:
        findings.fail("L1", "store", f"it cannot be read: {cause}")
    # Each on its own: a log that signed two histories has signed prefixes of both.
    chains = [_check_consistent(walked, chain, findings) for chain in (known.seen, known.archived, known.published)]
    if Level.L2 in wanted:
        if not known.archived and not known.seen:
            findings.lack("L2", "archive", "no checkpoint is archived: a log that was cut short would look like this")
        judge_quorum(known.heard, trust.witnesses, walked.size, findings)
        judge_timestamps(len(timestamps), trust.authorities, findings)
    if ask and trust.witnesses is not None:
        findings.warnings.append(ask_witnesses(source, trust.witnesses, trust.log_key, findings))
    if source.keeps_batches:
        _check_batches(walked, known, batches, set.union(*chains), findings)
    bound = _check_ledger(ledger, walked, findings, live=source.keeps_batches) if Level.L4 in wanted else None
    return _report(findings, walked, known, trust, wanted, bound)


def _check_ledger(ledger: LedgerSource | None, walked: Walked, findings: Findings, *, live: bool) -> str | None:
    """L4, once the log has been read: what a running binder adds meanwhile is not missing."""
    if ledger is not None:
        return check_ledger(walked.batches, ledger, findings)
    if walked.batches and live:
        findings.warnings.append(f"a ledger is bound by {len(walked.batches)} batches, and was not given to compare")
    elif walked.batches:
        findings.lack("L4", "ledger", "a ledger is bound, and the export has it not")
    return None


def _opened(notes: Collection[Note], trust: Trust, findings: Findings) -> dict[str, Checkpoint]:
    opened = {}
    for note in notes:
        try:
            checkpoint = open_checkpoint(note.content, trust.log_key)
        except EvidenceError as cause:
            findings.fail("L2", note.place, str(cause))
            continue
        opened[note.place] = checkpoint
        said = {
            "name": (note.name, name_of(checkpoint)),
            "size": (note.size, checkpoint.size),
            "signatures": (note.signatures, len(parse_note(note.content)[1])),
        }
        for what, (found, right) in said.items():
            if found is not None and found != right:
                findings.fail("L2", f"checkpoint.{what}", f"{found!r} is not {right!r}, as the note itself says")
    return opened


def _hear(notes: list[Note], timestamps: list[Timestamp], known: _Known, trust: Trust, findings: Findings) -> Heard:
    opened = known.seen | known.archived | known.published
    return hear(
        [(note, opened[note.place]) for note in notes if note.place in opened],
        timestamps,
        policy=trust.witnesses,
        roots=trust.authorities,
        now=datetime.now(UTC),
        findings=findings,
    )


def _walk(
    snapshot: Snapshot,
    findings: Findings,
    levels: frozenset[Level],
    trust: Trust,
    walked: Walked,
    wanted: set[int],
    heard: Heard,
) -> None:
    only_hashed = levels <= HASHED and not is_later_epoch(trust.log_key.name)
    if only_hashed and isinstance(snapshot, ExportedSnapshot) and snapshot.size >= hashing.LEAST:
        hashed = hashing.hash_export(snapshot, wanted)
        if hashed is not None:
            walked.size, walked.root, walked.roots = hashed.size, hashed.root, hashed.roots
            return
    walk = Walk(
        origin=trust.log_key.name,
        snapshot=snapshot,
        findings=findings,
        levels=levels,
        trust=trust.policy,
        trusted_time=heard.trusted_time,
        walked=walked,
    )
    walk.run(wanted)


def _check_consistent(walked: Walked, chain: dict[str, Checkpoint], findings: Findings) -> set[int]:
    """L2: what was signed then is a prefix of what is there now. Return the sizes at which it is."""
    proven, good = set[int](), 0
    for place, checkpoint in sorted(chain.items(), key=lambda item: (item[1].size, item[0])):
        size = checkpoint.size
        if size > walked.size:
            reason = f"the tail is gone: a checkpoint over {size} entries was signed, {walked.size} are there"
            findings.fail("L2", f"entry ({place})", reason, index=walked.size)
        elif size and walked.roots.get(size) != checkpoint.root:
            reason = f"the first {size} entries are not those that were signed; the first {good} are"
            findings.fail("L2", f"entry ({place})", reason, index=findings.first_within(good, size))
        else:
            proven.add(size)
            good = size
    return proven


def _check_batches(
    walked: Walked, known: _Known, batches: Mapping[Any, Any], proven: set[int], findings: Findings
) -> None:
    """L1: what each batch noted of itself. Where a signed checkpoint proves the entries, the note is what is wrong."""
    good = 0
    for size, root in sorted(batches.items(), key=lambda item: (str(type(item[0])), item[0])):
        if walked.roots.get(size) == root:
            good = size
            continue
        index = None if size in proven or not isinstance(size, int) else findings.first_within(good, size)
        findings.fail("L1", "integrated", f"the batch that ended at {size!r} had another root", index=index)
    signed = {checkpoint.size for checkpoint in known.published.values()}
    unpublished = {checkpoint.size for checkpoint in known.archived.values()} - signed
    if unpublished:
        findings.warnings.append(
            f"{len(unpublished)} archived checkpoints are not in the store, the first over {min(unpublished)}"
        )
    for size in sorted((signed | {walked.size}) - {0} - batches.keys()):
        findings.fail("L1", "integrated", f"the batch that ended at {size} is missing")


def _report(
    findings: Findings, walked: Walked, known: _Known, trust: Trust, levels: frozenset[Level], bound: str | None
) -> VerificationReport:
    archived = {(checkpoint.size, checkpoint.root) for checkpoint in known.archived.values()}
    checked = {"L1": f"{walked.size} entries hash to the tiles and the root"}
    if Level.L2 in levels:
        checked["L2"] = (
            f"{len(archived)} archived checkpoints are signed by the log and consistent; "
            f"{len(known.heard.cosignatures)} cosignatures, {known.heard.timestamps} timestamps"
        )
    if Level.L3 in levels:
        checked["L3"] = "the query tables are what the entries say"
    if bound is not None:
        checked["L4"] = bound
    if Level.L5 in levels:
        checked["L5"] = f"{walked.opened} payloads open their commitments, and their signatures hold"
        with suppress(IndexError):
            checked["L5"] += f"; {len(walked.erased)} erased (first: entry {walked.erased[0]})"
    return VerificationReport(
        answer=findings.answer(),
        origin=trust.log_key.name,
        size=walked.size,
        checkpoints=len(archived),
        checked=checked,
        broken=tuple(findings.broken),
        missing=tuple(findings.missing),
        warnings=tuple(findings.warnings),
    )
