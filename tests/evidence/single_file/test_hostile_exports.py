"""An export made to harm whoever reads it gets an answer, soon, and never `verified`."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.evidence.single_file.exports import Exported, ask

from mintmark.evidence import single_file


def payload_of(made: Exported, index: int) -> Path:
    commitment = made.place.open().entry(index).commitment
    return made.folder / "payload" / commitment[:2] / commitment


CHECKED = ("checkpoint", "tile", "checkpoint-archive", "projection", "ledger", "payload", "timestamp")


def checked_files(folder: Path) -> list[Path]:
    """What the verifier answers for: a copy of the trust, or of the verifier, is only named where it differs."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] in CHECKED)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), what=st.sampled_from(["flip", "cut", "delete", "swap", "fill", "insert"]))
def test_no_change_of_any_checked_file_is_verified(
    data: st.DataObject, what: str, small: Exported, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = small.copied(tmp_path_factory.mktemp("fuzz"))
    path = data.draw(st.sampled_from(checked_files(made.folder)), label="file")
    change(data, what, path, made)
    before = {each.relative_to(made.folder): each.read_bytes() for each in checked_files(made.folder)}
    after = {each.relative_to(small.folder): each.read_bytes() for each in checked_files(small.folder)}

    answer = ask(made.words())

    assert answer.code == 0 if before == after else answer.code in {3, 4}
    assert "internal_error" not in {reason for _, reason in answer.open_reasons}
    shutil.rmtree(made.folder.parent)


def change(data: st.DataObject, what: str, path: Path, made: Exported) -> None:
    content = path.read_bytes()
    # Parts of a timestamp's envelope are not signed, so that a bit there may say the same in another way; and which
    # earlier checkpoints were archived, nothing in an export can say.
    if what in {"flip", "insert", "fill"} and path.suffix != ".tsr":
        at = data.draw(st.integers(0, len(content) - 1), label="at")
        if what == "flip":
            path.write_bytes(
                content[:at] + bytes([content[at] ^ 1 << data.draw(st.integers(0, 7))]) + content[at + 1 :]
            )
        elif what == "insert":
            path.write_bytes(content[:at] + data.draw(st.binary(min_size=1, max_size=40)) + content[at:])
        else:
            path.write_bytes(content[:at] + data.draw(st.sampled_from([b"\0", b"\xff", b"["])) * (len(content) - at))
    elif what == "delete" and path.suffix != ".note":
        path.unlink()
    elif what == "swap":
        # Two copies of one checkpoint may bear each other's signatures.
        newest = {made.folder / "checkpoint", max((made.folder / "checkpoint-archive").iterdir())}
        others = [each for each in checked_files(made.folder) if not {path, each} <= newest]
        other = data.draw(st.sampled_from(others), label="other")
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
    else:
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1), label="length")])


@given(content=st.binary(max_size=300))
@example(b"[" * 300)
@example(b'{"a":1,"a":1}')
@example(b'{"a":NaN}')
@example(b'"\\ud800"')
@example(b"1" * 300)
@example(b"c2sp.org/tlog-proof@v1\nindex 0\n\n")
@example("— a AAAAAAA=\n".encode())
def test_every_reader_refuses_what_it_cannot_read_in_one_way(content: bytes) -> None:
    for read in (
        lambda: single_file.read_json(content, "text"),
        lambda: single_file.read_canonical(content, "text"),
        lambda: single_file.read_entry(0, content, set()),
        lambda: single_file.read_bundle(content),
        lambda: single_file.read_statement(content),
        lambda: single_file.read_receipt(content),
        lambda: single_file.split_note(content),
        lambda: single_file.read_policy(content),
        lambda: single_file.read_checkpoint(content.decode("latin-1")),
        lambda: single_file.read_small_toml(content.decode("latin-1")),
        lambda: single_file.read_trust(content.decode("latin-1")),
    ):
        with contextlib.suppress(single_file.Wrong):
            read()


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
    ),
    member=st.sampled_from(["subjects", "refs", "payload", "id", "kind", "at", "v", "producer"]),
)
def test_an_entry_with_a_member_of_any_other_type_is_refused_with_a_reason(
    document: object, member: str, small: Exported
) -> None:
    entry = json.loads(small.place.open().entry(0).encode())
    same = entry[member] == document
    entry[member] = document
    content = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    if not same and not (member == "refs" and document == []):
        with pytest.raises(single_file.Wrong):
            single_file.read_entry(0, content.encode("utf-8", "surrogatepass"), set())


@pytest.mark.parametrize(
    "spelling",
    ['{"v": 1', '{"v":1.0', '{"v":1,"v":1', '{"v":true', '{"\\u0076":1'],
)
def test_an_entry_has_one_spelling(spelling: str, small: Exported) -> None:
    content = small.place.open().entry(0).encode()
    rest = content.replace(b'"v":1}', b"").rstrip(b",")
    changed = spelling.encode() + b"," + rest[1:] + b"}"

    single_file.read_entry(0, content, set())
    with pytest.raises(single_file.Wrong):
        single_file.read_entry(0, changed, set())


def test_links_pipes_and_folders_are_not_followed_opened_or_entered(small: Exported, tmp_path: Path) -> None:
    made = small.copied(tmp_path)
    for name, place in (
        ("tile/0/loop", made.folder),
        ("payload/00/zero", Path("/dev/zero")),
        ("projection/view_ref.jsonl", Path("/etc/passwd")),
        ("checkpoint-archive/000000000001-0000000000000000.note", Path("/dev/stdin")),
    ):
        path = made.folder / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(place)
    os.mkfifo(made.folder / "tile" / "entries" / "pipe")
    (made.folder / "checkpoint").unlink()
    (made.folder / "checkpoint").mkdir()

    answer = ask(made.words())

    odd = {item["place"] for item in answer.report["broken"] if item["reason"] == "not_a_file"}
    assert answer.code == 4
    assert odd >= {"tile/0/loop", "payload/00/zero", "projection/view_ref.jsonl", "tile/entries/pipe"}


def test_a_folder_that_is_a_link_is_not_entered(small: Exported, tmp_path: Path) -> None:
    made = small.copied(tmp_path)
    (made.folder / "payload").rename(tmp_path / "payload")
    (made.folder / "payload").symlink_to(tmp_path / "payload")

    answer = ask(made.words())

    assert answer.code == 4
    assert ("L5", "payload_missing") in answer.reasons


def test_names_from_the_export_reach_the_terminal_as_plain_text(small: Exported, tmp_path: Path) -> None:
    made = small.copied(tmp_path)
    (made.folder / "tile" / "\x1b[2J\nVERIFIED").write_bytes(b"")
    os.close(os.open(os.fsencode(made.folder) + b"/tile/\xff\xfe", os.O_CREAT | os.O_WRONLY))
    done = subprocess.run(
        [sys.executable, single_file.__file__, *made.words()], capture_output=True, check=False, timeout=60
    )

    assert done.returncode == 4
    assert b"\x1b" not in done.stdout
    assert b"\nVERIFIED" not in done.stdout
    assert done.stdout.isascii()


def sparse(path: Path) -> None:
    """A file that says it has a terabyte, and takes no room."""
    path.unlink(missing_ok=True)
    with path.open("wb") as handle:
        handle.truncate(2**40)


def deep(depth: int) -> bytes:
    return b'{"mediaType":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    "case",
    ["huge files", "deep JSON", "wide JSON", "long number", "long line", "huge size", "many small files", "NUL"],
)
def test_memory_and_time_are_bounded(case: str, small: Exported, tmp_path: Path) -> None:
    made = small.copied(tmp_path)
    payload, table = payload_of(made, 0), made.folder / "projection" / "view_entry.jsonl"
    if case == "huge files":
        for path in checked_files(made.folder):
            sparse(path)
    elif case == "many small files":
        for number in range(5_000):
            (made.folder / "tile" / f"more{number}").write_bytes(b"")
    elif case == "long line":
        table.write_bytes(b'{"at":"' + b"a" * 30_000_000)
    elif case == "huge size":
        size = 10**18
        (made.folder / "checkpoint").write_bytes(signed_size(small, size))
    else:
        payload.write_bytes(
            {
                "deep JSON": b"\0" * 32 + deep(1_000_000),
                "wide JSON": b"\0" * 32 + b"[" + b"{}," * 5_000_000 + b"{}]",
                "long number": b"\0" * 32 + b'{"a":' + b"1" * 10_000_000 + b"}",
                "NUL": b"\0" * 10_000_000,
            }[case]
        )

    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, single_file.__file__, *made.words("--json")],
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=limited,
    )

    assert done.returncode == 4, done.stderr
    assert b"Traceback" not in done.stderr
    assert "internal_error" not in done.stdout.decode()
    assert time.monotonic() - started < 30


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


def signed_size(made: Exported, size: int) -> bytes:
    """What a log may sign that has lost its mind."""
    return made.place.signer.sign(f"log.example/1\n{size}\n{'A' * 43}=\n").encode()


@pytest.mark.parametrize(
    "content", [deep(100_000), b"[" + b"{}," * 2_100_000, b'{"a":1e999}', b'{"a":"\\ud800"}', b"\xff"]
)
def test_json_that_would_harm_is_refused_in_little_time(content: bytes) -> None:
    started = time.process_time()

    with pytest.raises(single_file.Wrong):
        single_file.read_bundle(content)

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "size", ["-1", "+1", "01", "1_0", "1e3", "", " 1", "\u0661", "99999999999999999999999999", "0x1"]
)
def test_a_size_is_a_plain_decimal(size: str) -> None:
    with pytest.raises(single_file.Wrong) as caught:
        single_file.read_checkpoint(f"log.example/1\n{size}\n{'A' * 43}=\n")

    assert caught.value.reason == "checkpoint_malformed"


def test_a_bundle_of_entries_may_not_hold_one_more(small: Exported, tmp_path: Path) -> None:
    made = small.copied(tmp_path)
    path = made.folder / "tile" / "entries" / "000.p" / "6"
    path.write_bytes(path.read_bytes() + struct.pack(">H", 2) + b"{}")

    answer = ask(made.words())

    assert (answer.code, answer.report["first_bad_index"], answer.reasons) == (4, 6, {("L1", "malformed")})
