"""Waivers: exceptions for one finding in one environment that expire, written as files and reviewed with the code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mintmark.evidence.confidential import redact
from mintmark.pipelines.errors import UsageError, nearest
from mintmark.pipelines.gate.pack import PolicyPack

_Person = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+@/-]*$")]


class Waiver(BaseModel):
    """One file. People are pseudonymous ids; whoever asks does not approve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    rule: str
    fingerprint: str
    environment: str
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    requested_by: _Person
    approved_by: list[_Person] = []
    requested: AwareDatetime
    expires: AwareDatetime

    def to_gate(self) -> dict[str, Any]:
        """As the gate's input has it; the policy decides whether it holds."""
        document = self.model_dump(exclude={"requested", "expires"}) | {"reason": redact(self.reason), "means": "file"}
        return {
            **document,
            "requested_epoch": int(self.requested.timestamp()),
            "expires_epoch": int(self.expires.timestamp()),
        }


def load_waivers(folder: Path) -> list[dict[str, Any]]:
    """Every `*.toml` of the folder; one that cannot be read is an error and not an absence."""
    return read_waivers({str(path): path.read_bytes() for path in sorted(folder.glob("*.toml"))})


def read_waivers(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """As `load_waivers`, of files by their paths, such as those of a commit."""
    return [_parse(content, source=path).to_gate() for path, content in sorted(files.items())]


def write_waiver(folder: Path, waiver: Waiver) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{waiver.id}.toml"
    path.write_text(_toml(waiver), encoding="utf-8")
    return path


def approve(folder: Path, identity: str, person: str) -> Path:
    """Add an approver. Raises `UsageError` with reason `sod` when the one who asked approves."""
    path = folder / f"{identity}.toml"
    if not path.is_file():
        raise UsageError(f"{path}: there is no such waiver", reason="no_waiver", remedy="look in the waivers folder")
    waiver = _read(path)
    if person == waiver.requested_by:
        raise UsageError(
            f"{person} asked for {identity} and cannot approve it", reason="sod", remedy="ask somebody else to approve"
        )
    approved = sorted({*waiver.approved_by, person})
    return write_waiver(folder, waiver.model_copy(update={"approved_by": approved}))


def check_object(pack: PolicyPack, *, rule: str, fingerprint: str, environment: str) -> None:
    """
    Refuse what no waiver can be for, before anybody is asked to approve it.

    Raises `UsageError`: `wildcard` for what does not name exactly one rule, finding and environment; `unknown_rule`;
    `not_waivable`.
    """
    for what, value in {"rule": rule, "fingerprint": fingerprint, "environment": environment}.items():
        if not value.strip() or set(value) & set("*?[]"):
            raise UsageError(
                f"{value!r} does not name exactly one {what}",
                reason="wildcard",
                remedy="a waiver is for one finding of one rule in one environment; ask for each of them",
            )
    if rule not in pack.rules:
        raise UsageError(
            f"there is no rule {rule!r}{nearest(rule, pack.rules)}",
            reason="unknown_rule",
            remedy=f"rules that can be waived are {', '.join(_waivable(pack))}",
        )
    if not pack.rules[rule].waivable:
        raise UsageError(
            f"what {rule} refuses cannot be waived",
            reason="not_waivable",
            remedy=f"{pack.rules[rule].remedy} Rules that can be waived are {', '.join(_waivable(pack))}",
        )


def standing(waiver: Mapping[str, Any], *, as_of: datetime, warn_s: int, present: AbstractSet[str] | None) -> str:
    """
    How a waiver stands, in words; `present` are the fingerprints that were found last, where that is known.

    Whether it lets anything through is the policy's to say.
    """
    now = as_of.timestamp()
    if all(person == waiver["requested_by"] for person in waiver["approved_by"]):
        return "waits for another person's approval" if waiver["expires_epoch"] > now else "ended, never approved"
    if waiver["expires_epoch"] <= now:
        return "ended"
    if present is not None and waiver["fingerprint"] not in present:
        return "covers nothing that was found last"
    return "ends soon" if waiver["expires_epoch"] - now < warn_s else "in force"


def _waivable(pack: PolicyPack) -> list[str]:
    return sorted(rule.id for rule in pack.rules.values() if rule.waivable)


def _read(path: Path) -> Waiver:
    return _parse(path.read_bytes(), source=str(path))


def _parse(content: bytes, *, source: str) -> Waiver:
    try:
        return Waiver.model_validate(tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as cause:
        raise UsageError(f"{source}: not a waiver: {cause}", reason="waiver_malformed", remedy="correct it") from cause


def _toml(waiver: Waiver) -> str:
    import json

    fields = waiver.model_dump(exclude={"requested", "expires"})
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    moments = {"requested": waiver.requested, "expires": waiver.expires}
    return "\n".join([*lines, *(f"{name} = {moment.isoformat()}" for name, moment in moments.items())]) + "\n"
