"""Asks witnesses for cosignatures and counts them against the policy. What a witness says is believed once verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from mintmark.evidence.checkpoint import Checkpoint, cosigners
from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.log_policy import LogPolicy, LogPolicyInvalid, PolicyWitness
from mintmark.evidence.note import Signed, add_lines
from mintmark.evidence.witness.answers import (
    Conflict,
    Failure,
    Line,
    Outcome,
    Why,
    conflicted,
    read_answer,
    refuse_contradictions,
)
from mintmark.evidence.witness.protocol import PATH, AddCheckpoint
from mintmark.evidence.witness.transport import TransportFailed, check_url, post

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_PARALLEL = 32

# old size → the consistency proof from there to the checkpoint that is being cosigned
Prove = Callable[[int], Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """The note with every cosignature that holds, who made them, who did not and why, and whether it is a quorum."""

    note: bytes
    signed: tuple[Signed, ...]
    failures: tuple[Failure, ...]
    quorum: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """The largest tree of this log that each witness says to have seen, and who did not say."""

    sizes: Mapping[str, int]
    failures: tuple[Failure, ...]


class QuorumMissing(StoreUnavailable):
    """Too few witnesses cosigned: whatever waits for a witnessed log stops here. A later try may succeed."""

    def __init__(self, cosigned: Cosigned) -> None:
        silent = (
            "; ".join(f"{one.witness}: {one.why} ({one.detail})" for one in cosigned.failures) or "nobody was asked"
        )
        super().__init__(
            f"{len(cosigned.signed)} witnesses cosigned, which is no quorum: {silent}",
            reason="quorum_missing",
            remedy="bring the witnesses back, and try again; nothing that was recorded is lost",
        )
        self.cosigned = cosigned


def require_quorum(cosigned: Cosigned) -> bytes:
    """The witnessed note, or `QuorumMissing`. To go on without, read `Cosigned` and record the gap."""
    if not cosigned.quorum:
        raise QuorumMissing(cosigned)
    return cosigned.note


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessClient:
    """Asks all witnesses of a policy, at once. `timeout_s` is for one request; each gets two at most."""

    policy: LogPolicy
    timeout_s: float = TIMEOUT_S
    _sizes: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for witness in self.policy.witnesses:
            try:
                check_url(witness.url or "http://localhost")
            except ValueError as cause:
                raise LogPolicyInvalid(f"witness {witness.name}: {cause}") from cause

    def cosign(
        self, note: bytes, checkpoint: Checkpoint, prove: Prove, *, newest: Callable[[], int] | None = None
    ) -> Cosigned:
        """
        Collect cosignatures of a checkpoint that the log has signed and committed.

        Raises `LogRefused` when a witness contradicts the log: `rollback` when it has seen a larger tree, `fork` when
        it has seen another one. Where several publishers share a log, `newest` gives the size that the log has by now:
        a witness that is not beyond it was served by another publisher first. `prove` and `newest` are called in the
        calling thread only.
        """
        asked = _Round(self, note, checkpoint)
        done = {signed.key: signed for signed in cosigners(note, self.policy)}
        waiting = [witness for witness in self.policy.witnesses if witness.key not in done]
        lines: list[str] = []
        failures: list[Failure] = []
        old = {witness.name: min(self._sizes.get(witness.name, 0), checkpoint.size) for witness in waiting}
        for last in (False, True):
            outcomes = asked.ask(waiting, old, prove)
            waiting = []
            for witness, outcome in outcomes:
                match outcome:
                    case Conflict() if (
                        not last and outcome.size <= checkpoint.size and outcome.size != old[witness.name]
                    ):
                        waiting.append(witness)
                        old[witness.name] = outcome.size
                    case Conflict():
                        failures.append(conflicted(witness, outcome.size, old[witness.name], checkpoint, newest))
                    case Failure():
                        failures.append(outcome)
                    case Line():
                        lines.append(outcome.line)
                        done[outcome.signed.key] = outcome.signed
                        self._sizes[witness.name] = checkpoint.size
        refuse_contradictions(failures, checkpoint)
        return Cosigned(
            note=add_lines(note, lines),
            signed=tuple(done.values()),
            failures=tuple(failures),
            quorum=self.policy.satisfied_by(done),
        )

    def survey(self, note: bytes, checkpoint: Checkpoint, *, newest: Callable[[], int] | None = None) -> Surveyed:
        """
        Ask every witness what it has seen, for a log that is about to open with `checkpoint` as its newest.

        Changes nothing at a witness that has seen less. Raises `LogRefused`: `rollback`, `fork`, as `cosign` does, and
        `newest` is as there. Who does not answer is in `failures`: whether to open without is for the caller to decide.
        """
        asked = _Round(self, note, checkpoint)
        sizes: dict[str, int] = {}
        failures: list[Failure] = []
        everyone = {witness.name: checkpoint.size for witness in self.policy.witnesses}
        for witness, outcome in asked.ask(self.policy.witnesses, everyone, lambda _size: []):
            match outcome:
                case Conflict() if outcome.size < checkpoint.size:
                    sizes[witness.name] = self._sizes[witness.name] = outcome.size
                case Conflict():
                    failures.append(conflicted(witness, outcome.size, checkpoint.size, checkpoint, newest))
                case Failure():
                    failures.append(outcome)
                case Line():
                    sizes[witness.name] = self._sizes[witness.name] = checkpoint.size
        refuse_contradictions(failures, checkpoint)
        return Surveyed(sizes=sizes, failures=tuple(failures))


@dataclass(frozen=True, slots=True)
class _Round:
    """One request to each of some witnesses."""

    client: WitnessClient
    note: bytes
    checkpoint: Checkpoint

    def ask(
        self, witnesses: Sequence[PolicyWitness], old: Mapping[str, int], prove: Prove
    ) -> list[tuple[PolicyWitness, Outcome]]:
        if not witnesses:
            return []
        proofs = {size: tuple(self._proof(size, prove)) for size in {old[witness.name] for witness in witnesses}}
        bodies = [
            AddCheckpoint(old_size=old[one.name], proof=proofs[old[one.name]], note=self.note).encode()
            for one in witnesses
        ]
        with ThreadPoolExecutor(max_workers=min(len(witnesses), MAX_PARALLEL)) as pool:
            return list(zip(witnesses, pool.map(self._ask_one, witnesses, bodies), strict=True))

    def _proof(self, size: int, prove: Prove) -> Sequence[bytes]:
        return prove(size) if 0 < size < self.checkpoint.size else []

    def _ask_one(self, witness: PolicyWitness, body: bytes) -> Outcome:
        if witness.url is None:
            return Failure(witness=witness.name, why=Why.NO_URL, detail="the policy has no URL for it")
        try:
            answer = post(
                f"{witness.url.rstrip('/')}/{PATH}",
                body,
                content_type="text/plain; charset=utf-8",
                timeout_s=self.client.timeout_s,
                max_bytes=MAX_ANSWER_BYTES,
            )
        except TransportFailed as cause:
            return Failure(witness=witness.name, why=Why.UNREACHABLE, detail=str(cause))
        return read_answer(witness, answer, self.note)
