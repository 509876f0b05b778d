"""
Which logs, witnesses and quorum are trusted: C2SP tlog-policy files, strict to read. Pure.

Stricter than the specification in three things. A log's key is Ed25519 (0x01), and a witness's its cosignatures (0x04).
No witness has a log's key, for a log does not witness itself. A key's name is printable UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mintmark.evidence.errors import EvidenceError, NoteError
from mintmark.evidence.note import COSIGNATURE, ED25519, VerifierKey

MAX_POLICY_BYTES = 256 * 1024
MAX_LINES_OF_A_KIND = 256
NONE = "none"


class LogPolicyInvalid(EvidenceError):
    """The policy cannot be used; `line` counts from 1, and is 0 where the file as a whole is meant."""

    exit_code = 2

    def __init__(self, why: str, *, line: int = 0) -> None:
        place = f"log policy, line {line}" if line else "log policy"
        super().__init__(f"{place}: {why}", reason="log_policy", remedy="correct the log policy")
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log; the name of its key is its origin."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """`name` means something in this policy only; `url` is where cosignatures are asked for."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup:
    """Holds when `threshold` of its members do, which are witnesses or groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """`groups` stand in an order in which each comes after its members; `quorum` names a witness, a group or none."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str

    def log_keys(self, origin: str) -> tuple[VerifierKey, ...]:
        """The keys of a log; empty for an unknown one, and more than one while a key is being replaced."""
        return tuple(log.key for log in self.logs if log.key.name == origin)

    def log_key(self, origin: str) -> VerifierKey:
        """The one key of a log. Raises `NoteError`: `origin_mismatch`."""
        keys = self.log_keys(origin)
        if len(keys) != 1:
            raise NoteError(f"the log policy has {len(keys)} keys for {origin}, not one", reason="origin_mismatch")
        return keys[0]

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        return tuple(witness.key for witness in self.witnesses)

    def satisfied_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Whether cosignatures of these keys are a quorum. The caller has verified them."""
        signed = frozenset(keys)
        holding = {witness.name for witness in self.witnesses if witness.key in signed}
        for group in self.groups:
            if sum(member in holding for member in group.members) >= group.threshold:
                holding.add(group.name)
        return self.quorum == NONE or self.quorum in holding

    def encode(self) -> bytes:
        """The policy as a file. Raises `LogPolicyInvalid` when no such file could be read again."""
        lines = [f"log {log.key.encode()} {log.url or ''}" for log in self.logs]
        lines += [f"witness {one.name} {one.key.encode()} {one.url or ''}" for one in self.witnesses]
        lines += [f"group {one.name} {one.threshold} {' '.join(one.members)}" for one in self.groups]
        text = "".join(f"{line.rstrip()}\n" for line in [*lines, f"quorum {self.quorum}"])
        content = text.encode("utf-8", "surrogateescape")
        if parse_log_policy(content) != self:
            raise LogPolicyInvalid("a name or a URL holds what a policy file cannot say")
        return content


def parse_log_policy(content: bytes) -> LogPolicy:
    """Read a whole policy file. Raises `LogPolicyInvalid` with the line that is wrong."""
    if len(content) > MAX_POLICY_BYTES:
        raise LogPolicyInvalid(f"{len(content)} bytes, over {MAX_POLICY_BYTES}")
    reader = _Reader()
    for number, words in _lines(content):
        try:
            reader.read(words)
        except (_Wrong, NoteError) as cause:
            raise LogPolicyInvalid(str(cause), line=number) from cause
    return reader.policy()


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Lines with something on them, as words. Octets above ASCII are kept as they are."""
    # a file that was cut off could end in a shorter, valid line: every line ends in a newline
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    if lines.pop():
        raise LogPolicyInvalid("does not end in a newline: was the file cut off?", line=len(lines) + 1)
    for number, line in enumerate(lines, 1):
        if any((ord(character) < 0x20 and character != "\t") or character == "\x7f" for character in line):
            raise LogPolicyInvalid("has a control character", line=number)
        words = [word for word in re.split("[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            yield number, words


class _Wrong(Exception):
    """What is wrong with the line that is being read."""


@dataclass(slots=True)
class _Reader:
    """What was defined on the lines so far."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[PolicyWitness] = field(default_factory=list)
    groups: list[PolicyGroup] = field(default_factory=list)
    quorum: str | None = None
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def read(self, words: Sequence[str]) -> None:
        if max(len(self.logs), len(self.witnesses), len(self.groups)) >= MAX_LINES_OF_A_KIND:
            raise _Wrong(f"over {MAX_LINES_OF_A_KIND} lines of one kind")
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey, url[0] if url else None)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, url[0] if url else None)
            case ["group", name, threshold, first, *others]:
                self._group(name, threshold, (first, *others))
            case ["quorum", name]:
                self._quorum(name)
            case [keyword, *_] if keyword in {"log", "witness", "group", "quorum"}:
                raise _Wrong(f"{keyword} has too few or too many words")
            case _:
                raise _Wrong(f"{words[0][:40]!r} is not log, witness, group or quorum")

    def policy(self) -> LogPolicy:
        if self.quorum is None:
            raise LogPolicyInvalid("no quorum line: `quorum none` says that no witness is needed")
        return LogPolicy(
            logs=tuple(self.logs), witnesses=tuple(self.witnesses), groups=tuple(self.groups), quorum=self.quorum
        )

    def _log(self, vkey: str, url: str | None) -> None:
        key = _key(vkey, ED25519, "a log")
        if key.public in {log.key.public for log in self.logs}:
            raise _Wrong(f"the key of {key.name} is a log's already")
        self._independent(key)
        self.logs.append(PolicyLog(key=key, url=url))

    def _witness(self, name: str, vkey: str, url: str | None) -> None:
        key = _key(vkey, COSIGNATURE, "a witness")
        twin = next((witness for witness in self.witnesses if witness.key.public == key.public), None)
        if twin is not None:
            raise _Wrong(f"{name} has the key of {twin.name}: one key does not count twice")
        self._independent(key)
        self._define(name)
        self.witnesses.append(PolicyWitness(name=name, key=key, url=url))

    def _group(self, name: str, threshold: str, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self.names:
                raise _Wrong(f"{member} is not defined on an earlier line")
            if member in self.members:
                raise _Wrong(f"{member} is a member already: a witness counts in one way only")
            self.members.add(member)
        self._define(name)
        wanted = {"any": 1, "all": len(members)}.get(threshold)
        if wanted is None:
            wanted = int(threshold) if re.fullmatch("[1-9][0-9]{0,5}", threshold) else 0
        if not 1 <= wanted <= len(members):
            raise _Wrong(f"{threshold[:40]!r} is not any, all or a number from 1 to {len(members)}")
        self.groups.append(PolicyGroup(name=name, threshold=wanted, members=members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise _Wrong("a second quorum line")
        if name != NONE and name not in self.names:
            raise _Wrong(f"{name} is not defined on an earlier line")
        self.quorum = name

    def _define(self, name: str) -> None:
        if name == NONE or name in self.names:
            raise _Wrong(f"the name {name} is taken")
        self.names.add(name)

    def _independent(self, key: VerifierKey) -> None:
        others: Sequence[PolicyLog | PolicyWitness] = self.logs if key.algorithm == COSIGNATURE else self.witnesses
        if any(other.key.public == key.public for other in others):
            raise _Wrong(f"the key of {key.name} is a log's and a witness's: a log does not witness itself")


def _key(vkey: str, algorithm: int, whose: str) -> VerifierKey:
    if not vkey.isprintable():
        raise _Wrong("a key is not UTF-8, or not readable")
    key = VerifierKey.decode(vkey)
    if key.algorithm != algorithm:
        raise _Wrong(f"the key of {key.name} is of kind {key.algorithm:#04x}; {whose} has one of {algorithm:#04x}")
    return key
