"""The two verifiers give one answer about one export, also about what only the holder of the log's key can make."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.builders import DIGEST, Bench, bench, signed, statement
from tests.evidence.single_file.exports import Exported, ask, export, witness

from mintmark.evidence.bundle import MEDIA_TYPE, key_hint
from mintmark.evidence.checkpoint import Checkpoint
from mintmark.evidence.leaf import commit
from mintmark.evidence.log_policy import parse_log_policy
from mintmark.evidence.note import NoteSigner, SignatureLine
from mintmark.evidence.tiles import Edge, encode_entries, tile_path
from mintmark.evidence.tree import leaf_hash, root_of
from mintmark.evidence.trust import TrustPolicy
from mintmark.evidence.verify.check import Trust, verify_log
from mintmark.evidence.verify.exported import ExportedSource, encode_row
from mintmark.evidence.verify.report import Level, VerificationReport

SALT = bytes(32)


def whole(made: Exported, **options: Any) -> VerificationReport:
    """What `mintmark verify --from` answers, with what the auditor brought to the other one."""
    policy = parse_log_policy(made.policy.read_bytes())
    trust = Trust(
        log_key=policy.logs[0].key,
        policy=TrustPolicy.load(made.trust),
        witnesses=policy,
        authorities=(made.tsa_roots.read_bytes(),) if made.tsa_roots else (),
    )
    return verify_log(ExportedSource(folder=made.folder), trust, **options)


def both(made: Exported) -> tuple[int, int]:
    return whole(made).exit_code, ask(made.words()).code


def entry(
    place: Bench,
    number: int,
    *,
    payload: bytes | None = None,
    payload_of: dict[str, Any] | None = None,
    **changes: Any,
) -> tuple[bytes, bytes]:
    """An entry that would be recorded, but for the changes; and its payload."""
    payload = place.bundle(number=number) if payload is None else payload
    document = {
        "v": 1,
        "id": f"id-{number}",
        "kind": "scan",
        "at": "2026-11-24T12:00:00.000Z",
        "producer": key_hint(place.key.public_key()),
        "subjects": [{"name": "a.whl", "digest": DIGEST}],
        "controls": [],
        "refs": [],
        "payload": payload_of or {"mediaType": MEDIA_TYPE, "size": len(payload), "commitment": commit(payload, SALT)},
    } | changes
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(), SALT + payload


def forged(folder: Path, make: Callable[[Bench], Sequence[tuple[bytes, bytes]]], *, origin: str = "") -> Exported:
    """An export of what no log would record, right in itself otherwise: whoever holds the log's key can make it."""
    place = bench(folder)
    made = export(place, place.fill(1), folder)
    if origin:
        place = replace(place, signer=NoteSigner.generate(origin))
        made.policy.write_text(f"log {place.signer.vkey}\nquorum none\n", encoding="utf-8")
    entries = make(place)
    for name in ("tile", "payload", "projection", "checkpoint-archive"):
        shutil.rmtree(made.folder / name)
    hashes = [leaf_hash(content) for content, _ in entries]
    files = {tile_path(tile.level, tile.index): tile.content for tile in Edge().append(hashes)}
    assert len(entries) < 256
    files[tile_path(0, 0, len(entries))] = b"".join(hashes)
    files[tile_path("entries", 0, len(entries))] = encode_entries(content for content, _ in entries)
    tables: dict[str, list[bytes]] = {"view_entry": [], "view_subject": [], "view_ref": []}
    for index, (content, payload) in enumerate(entries):
        document = json.loads(content)
        commitment = str(document["payload"]["commitment"])
        files[f"payload/{commitment[:2]}/{commitment}"] = payload
        head = {name: document[name] for name in ("kind", "at", "producer")}
        tables["view_entry"].append(encode_row({"idx": index, **head}))
        for position, subject in enumerate(document["subjects"]):
            tables["view_subject"].append(encode_row({"idx": index, "position": position, **subject}))
        for position, ref in enumerate(document["refs"]):
            tables["view_ref"].append(encode_row({"idx": index, "position": position, "ref": ref}))
    files |= {f"projection/{name}.jsonl": b"".join(rows) for name, rows in tables.items()}
    checkpoint = Checkpoint(origin=place.signer.name, size=len(entries), root=root_of(hashes))
    note = checkpoint.sign(place.signer)
    files |= {
        "checkpoint": note,
        f"checkpoint-archive/{checkpoint.size:012d}-{checkpoint.root.hex()[:16]}.note": note,
    }
    for name, content in files.items():
        if content or not name.startswith("payload/"):
            (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (made.folder / name).write_bytes(content)
    return made


def erasure(place: Bench, number: int, commitment: str) -> tuple[bytes, bytes]:
    predicate = {"index": 0, "commitment": commitment, "basis": "gdpr-17", "origin": "local"}
    payload = signed(place.key, statement("erasure", predicate))
    return entry(place, number, payload=payload, kind="erasure", refs=[f"erased:{commitment}"])


def commitment_of(content: bytes) -> str:
    return str(json.loads(content)["payload"]["commitment"])


def with_payload(place: Bench, **changes: Any) -> tuple[bytes, bytes]:
    content, payload = entry(place, 0)
    document = json.loads(content)
    return entry(place, 0, payload=payload[len(SALT) :], payload_of=document["payload"] | changes)


def edited(place: Bench, change: Callable[[dict[str, Any]], None]) -> list[tuple[bytes, bytes]]:
    document = json.loads(place.bundle(number=0))
    change(document)
    return [entry(place, 0, payload=json.dumps(document).encode())]


def erased_first(place: Bench) -> list[tuple[bytes, bytes]]:
    content, _ = entry(place, 0)
    return [erasure(place, 1, commitment_of(content)), (content, b"")]


def erased(place: Bench, **changes: Any) -> list[tuple[bytes, bytes]]:
    content, _ = entry(place, 0, **changes)
    return [(content, b""), erasure(place, 1, commitment_of(content))]


def erased_media(place: Bench) -> list[tuple[bytes, bytes]]:
    content, _ = with_payload(place, mediaType="a whole sentence, for ever")
    return [(content, b""), erasure(place, 1, commitment_of(content))]


def one_payload_twice(place: Bench) -> list[tuple[bytes, bytes]]:
    content, payload = entry(place, 0)
    again = json.dumps(json.loads(content) | {"id": "id-1"}, sort_keys=True, separators=(",", ":")).encode()
    return [(content, payload), (again, payload)]


FORGERIES: dict[str, tuple[int, Callable[[Bench], Sequence[tuple[bytes, bytes]]]]] = {
    "nothing": (0, lambda place: [entry(place, 0), entry(place, 1)]),
    "an erasure": (0, erased),
    "an erasure before what it erases": (4, erased_first),
    "one id twice": (4, lambda place: [entry(place, 0), entry(place, 1, id="id-0")]),
    "one payload twice": (0, one_payload_twice),
    "a kind that is a list": (4, lambda place: [entry(place, 0, kind=["scan"])]),
    "a kind that is an object": (4, lambda place: [entry(place, 0, kind={})]),
    "references that are numbers": (4, lambda place: [entry(place, 0, refs=[1])]),
    "an erasure of a number": (4, lambda place: [entry(place, 0, kind="erasure", refs=[1])]),
    "a reference that is a sentence": (4, lambda place: [entry(place, 0, refs=["to whom it may concern"])]),
    "controls that are a sentence": (4, lambda place: [entry(place, 0, controls=["all of them"])]),
    "controls that are numbers": (4, lambda place: [entry(place, 0, controls=[7])]),
    "an id that is a number": (4, lambda place: [entry(place, 0, id=7)]),
    "an id that is a sentence": (4, lambda place: [entry(place, 0, id="a b")]),
    "a time that is a number": (4, lambda place: [entry(place, 0, at=1_764_000_000)]),
    "a time without milliseconds": (4, lambda place: [entry(place, 0, at="2026-11-24T12:00:00Z")]),
    "a time of another zone": (4, lambda place: [entry(place, 0, at="2026-11-24T12:00:00.000+00:00")]),
    "an erased one without a time": (4, lambda place: erased(place, at="never")),
    "an erased one of a producer with a name": (4, lambda place: erased(place, producer="Jane Doe")),
    "an erased one with a sentence for a type": (4, erased_media),
    "an erased one without subjects": (4, lambda place: erased(place, subjects=[])),
    "a subject that is a sentence": (4, lambda place: erased(place, subjects=[{"name": "a b", "digest": DIGEST}])),
    "a commitment that is a number": (4, lambda place: [with_payload(place, commitment=7)]),
    "a commitment that is a list": (4, lambda place: [with_payload(place, commitment=[])]),
    "a size that is a text": (4, lambda place: [with_payload(place, size="7")]),
    "a key id that is not the hint": (
        4,
        lambda place: edited(place, lambda b: b["dsseEnvelope"]["signatures"][0].update(keyid="other")),
    ),
    "an unread member of a bundle": (4, lambda place: edited(place, lambda b: b.update(more=1))),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_of_a_forged_log(forgery: str, tmp_path: Path) -> None:
    wanted, make = FORGERIES[forgery]

    assert both(forged(tmp_path, make)) == (wanted, wanted)


MADE: dict[str, tuple[int, Callable[[Exported], object]]] = {
    "nothing": (0, lambda _: None),
    "its timestamps gone": (3, lambda made: shutil.rmtree(made.folder / "timestamp")),
    "its archive gone": (4, lambda made: shutil.rmtree(made.folder / "checkpoint-archive")),
    "its ledger gone": (3, lambda made: (made.folder / "ledger" / "entries.jsonl").unlink()),
    "its ledger empty": (4, lambda made: (made.folder / "ledger" / "entries.jsonl").write_bytes(b"")),
    "a timestamp without a number": (4, lambda made: rename_stamp(made, "")),
    "a timestamp by another name": (4, lambda made: rename_stamp(made, ".first")),
    "a file of a name that is no text": (4, lambda made: Path(f"{made.folder}/tile/\udcff").write_bytes(b"")),
}


def ledger(change: Callable[[bytes], bytes]) -> tuple[int, Callable[[Exported], object]]:
    def make(made: Exported) -> None:
        path = made.folder / "ledger" / "entries.jsonl"
        path.write_bytes(change(path.read_bytes()))

    return 4, make


MADE |= {
    "its ledger with another line end": ledger(lambda content: content.replace(b"\n", b"\r\n")),
    "its ledger without a last line end": ledger(lambda content: content[:-1]),
    "its ledger with a space": ledger(lambda content: content.replace(b'":', b'": ', 1)),
    "its ledger with a digest in capitals": ledger(
        lambda content: re.sub(rb'(?<=leaf_hash":")[0-9a-f]+', lambda found: found[0].upper(), content)
    ),
    "a second signature of the log that does not hold": (4, lambda made: add_line(made, made.place.signer.name)),
    "a signature by a name with a control character": (4, lambda made: add_line(made, "a\x01b")),
}


def add_line(made: Exported, name: str) -> None:
    line = SignatureLine(name=name, key_id=made.place.signer.verifier.id, signature=bytes(64))
    path = made.folder / "checkpoint"
    path.write_bytes(path.read_bytes() + line.encode().encode())


def rename_stamp(made: Exported, number: str) -> None:
    stamp = next((made.folder / "timestamp").iterdir())
    stamp.rename(stamp.with_name(stamp.name.split(".")[0] + number + ".tsr"))


@pytest.mark.parametrize("change", MADE)
def test_of_a_changed_export(change: str, small: Exported, tmp_path: Path) -> None:
    wanted, make = MADE[change]
    made = small.copied(tmp_path)
    make(made)

    assert both(made) == (wanted, wanted)


def test_timestamps_that_nobody_can_check_leave_a_question(small: Exported) -> None:
    assert both(replace(small, tsa_roots=None)) == (3, 3)


BEFORE, REVOKED, AFTER = 1_764_000_000, "2025-11-24T17:00:00Z", 1_764_010_000
# Who cosigned the checkpoint and when, of two witnesses that are both asked for; and the answer about a revoked key.
COSIGNED: dict[str, tuple[int, Sequence[tuple[int, int]]]] = {
    "both before": (0, [(0, BEFORE), (1, BEFORE)]),
    "one dates it back": (3, [(0, BEFORE), (1, 0)]),
    "neither says when": (3, [(0, 0), (1, 0)]),
    "one later again": (0, [(0, BEFORE), (1, BEFORE), (0, AFTER)]),
    "one in a year that no calendar has": (4, [(0, BEFORE), (1, 2**62)]),
}


@pytest.mark.parametrize("place", ["in one note", "in two notes"])
@pytest.mark.parametrize("case", COSIGNED)
def test_of_a_revoked_key_by_what_a_quorum_saw(case: str, place: str, tmp_path: Path) -> None:
    wanted, times = COSIGNED[case]
    made = of_a_revoked_key(tmp_path)
    witnesses = [witness("w1.example/a"), witness("w2.example/b")]
    lines = [f"log {made.place.signer.vkey}", *(f"witness {each.name} {each.vkey}" for each in witnesses)]
    made.policy.write_text("\n".join([*lines, "group g all w1.example/a w2.example/b", "quorum g", ""]))
    note = made.folder / "checkpoint"
    text = note.read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
    for who, moment in times:
        path = next((made.folder / "checkpoint-archive").iterdir()) if place == "in two notes" and who else note
        path.write_bytes(path.read_bytes() + witnesses[who].line(text, at=moment))

    assert both(made) == (wanted, wanted)


def of_a_revoked_key(folder: Path) -> Exported:
    """A log of one entry that its producer dates before the key was revoked."""
    made = forged(folder, lambda place: [entry(place, 0, at="2025-11-24T12:00:00.000Z")])
    text = made.trust.read_text(encoding="utf-8")
    made.trust.write_text(text.replace("origin = ", f"revoked_at = {REVOKED}\norigin = ", 1), encoding="utf-8")
    return made


@pytest.mark.parametrize("size", [1, 255, 256, 257])
def test_of_a_log_of_any_size(size: int, tmp_path: Path) -> None:
    place = bench(tmp_path)
    log = place.fill(size)
    assert both(export(place, log, tmp_path)) == (0, 0)


@pytest.mark.parametrize(("origin", "wanted"), [("log.example/1", 0), ("log.example/2", 4)])
def test_of_a_later_epoch_that_does_not_say_what_it_goes_on_from(origin: str, wanted: int, tmp_path: Path) -> None:
    made = forged(tmp_path, lambda place: [entry(place, 0)], origin=origin)

    assert both(made) == (wanted, wanted)


def test_the_ledger_alone_is_asked_for_and_is_gone(small: Exported, tmp_path: Path) -> None:
    """Batches are in payloads: without reading those, no ledger would be missed."""
    made = small.copied(tmp_path)
    there = whole(made, levels={Level.L4})
    (made.folder / "ledger" / "entries.jsonl").unlink()
    gone = whole(made, levels={Level.L4})

    assert (there.exit_code, gone.exit_code) == (0, 3)
    assert [item.place for item in gone.missing] == ["ledger"]


@pytest.mark.parametrize(("signing", "wanted"), [(2, 0), (1, 3), (0, 3)])
def test_of_a_quorum_that_is_missing(signing: int, wanted: int, tmp_path: Path) -> None:
    """Nothing is wrong with what is there, and what is asked for is not: not verifiable."""
    made = forged(tmp_path, lambda place: [entry(place, 0)])
    witnesses = [witness("w1.example/a"), witness("w2.example/b")]
    lines = [f"log {made.place.signer.vkey}", *(f"witness {each.name} {each.vkey}" for each in witnesses)]
    made.policy.write_text("\n".join([*lines, "group g all w1.example/a w2.example/b", "quorum g", ""]))
    note = made.folder / "checkpoint"
    text = note.read_text(encoding="utf-8").rpartition("\n\n")[0] + "\n"
    for each in witnesses[:signing]:
        note.write_bytes(note.read_bytes() + each.line(text, at=BEFORE))

    assert both(made) == (wanted, wanted)
