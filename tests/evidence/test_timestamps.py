"""An authority's time over a checkpoint holds for that checkpoint, under the roots that were given, and else not."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.timestamp_authority import LocalAuthority, local_authority, serving
from tests.evidence.witness.builders import Log, answering, http_reply

from mintmark.evidence import timestamps
from mintmark.evidence.errors import StoreUnavailable
from mintmark.evidence.timestamps import TimestampAuthority, TimestampInvalid, TimestampsUnsupported, verify_timestamp

LOG = Log().grow(5)
TEXT = LOG.checkpoint(5).text().encode()
REPLY = "application/timestamp-reply"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return local_authority(tmp_path_factory.mktemp("authorities") / "first")


@pytest.fixture(scope="module")
def url(authority: LocalAuthority) -> Iterator[str]:
    with serving(authority) as address:
        yield address


@pytest.fixture(scope="module")
def stamped(authority: LocalAuthority, url: str) -> bytes:
    return TimestampAuthority(url=url, roots=(authority.root,)).stamp(TEXT)


def test_a_stamped_checkpoint_has_the_authoritys_time(authority: LocalAuthority, stamped: bytes) -> None:
    stamped_at = verify_timestamp(stamped, TEXT, [authority.root])

    assert stamped_at.tzinfo is UTC
    assert abs(stamped_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_it_stays_valid_whatever_cosignatures_are_added(authority: LocalAuthority, stamped: bytes) -> None:
    text, _, _ = LOG.note(5).partition(b"\n\n")

    verify_timestamp(stamped, text + b"\n", [authority.root])
    with pytest.raises(TimestampInvalid):
        verify_timestamp(stamped, LOG.note(5), [authority.root])


def test_openssl_says_the_same_of_it(authority: LocalAuthority, stamped: bytes, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(TEXT)
    (tmp_path / "stamp.tsr").write_bytes(stamped)
    words = [
        "openssl",
        "ts",
        "-verify",
        "-data",
        "text",
        "-in",
        "stamp.tsr",
        "-CAfile",
        str(authority.folder / "ca.pem"),
    ]
    words += ["-untrusted", str(authority.folder / "authority.pem")]

    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "text").write_bytes(TEXT.replace(b"5", b"6"))
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_it_is_good_for_no_other_checkpoint(authority: LocalAuthority, stamped: bytes) -> None:
    for text in (LOG.checkpoint(4).text().encode(), LOG.forked(2).grow(5).checkpoint().text().encode(), TEXT + b"\n"):
        with pytest.raises(TimestampInvalid) as refused:
            verify_timestamp(stamped, text, [authority.root])
        assert refused.value.reason == "timestamp_invalid"


def test_another_ca_does_not_vouch_for_it(authority: LocalAuthority, stamped: bytes, tmp_path: Path) -> None:
    other = local_authority(tmp_path / "other")
    namesake = local_authority(tmp_path / "again" / "first")

    for root in (other.root, namesake.root):
        with pytest.raises(TimestampInvalid) as refused:
            verify_timestamp(stamped, TEXT, [root])
        assert refused.value.reason == "timestamp_invalid"
    verify_timestamp(stamped, TEXT, [other.root + authority.root])


@pytest.mark.parametrize("usage", ["timeStamping", "critical, codeSigning", "critical, timeStamping, codeSigning"])
def test_a_certificate_that_is_not_for_timestamps_alone_makes_none(usage: str, tmp_path: Path) -> None:
    good, bad = local_authority(tmp_path / "good"), local_authority(tmp_path / "bad", usage=usage)
    with serving(good) as url:  # after the certificates were made, for they are judged at the time of the stamp
        stamp = TimestampAuthority(url=url, roots=(good.root,)).stamp(TEXT)

    verify_timestamp(good.sign_again(stamp), TEXT, [good.root])
    with pytest.raises(TimestampInvalid, match="purpose") as refused:
        verify_timestamp(bad.sign_again(stamp), TEXT, [bad.root])

    assert refused.value.reason == "timestamp_invalid"


def test_a_certificate_that_was_issued_after_the_time_does_not_vouch_for_it(stamped: bytes, tmp_path: Path) -> None:
    time.sleep(1.1)  # certificates are dated in seconds
    late = local_authority(tmp_path / "late")

    with pytest.raises(TimestampInvalid, match="not yet valid") as refused:
        verify_timestamp(late.sign_again(stamped), TEXT, [late.root])

    assert refused.value.reason == "timestamp_invalid"


def test_without_a_root_there_is_no_trusted_time(stamped: bytes) -> None:
    for roots in ([], [b"not a certificate"]):
        with pytest.raises(TimestampInvalid) as refused:
            verify_timestamp(stamped, TEXT, roots)
        assert refused.value.reason == "no_trusted_time"


MUTILATED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "truncated": lambda der: der[:-1],
    "half": lambda der: der[: len(der) // 2],
    "longer": lambda der: der + b"\0",
    "text": lambda _: b"the authority is closed",
    "huge": lambda der: der * 100,
}


@pytest.mark.parametrize("what", MUTILATED)
def test_a_mutilated_response_is_refused(what: str, authority: LocalAuthority, stamped: bytes) -> None:
    with pytest.raises(TimestampInvalid) as refused:
        verify_timestamp(MUTILATED[what](stamped), TEXT, [authority.root])

    assert refused.value.reason == "timestamp_invalid"


@settings(max_examples=300)
@given(at=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_no_changed_byte_gives_another_time(at: int, mask: int, authority: LocalAuthority, stamped: bytes) -> None:
    """A few bytes are not signed, such as the name of the signature's algorithm; a change there changes nothing."""
    changed = bytearray(stamped)
    changed[at % len(changed)] ^= mask
    try:
        found = verify_timestamp(bytes(changed), TEXT, [authority.root])
    except TimestampInvalid:
        return

    assert found == verify_timestamp(stamped, TEXT, [authority.root])


def test_a_refusal_of_the_authority_is_no_timestamp(authority: LocalAuthority) -> None:
    with pytest.raises(TimestampInvalid, match="did not grant") as refused:
        verify_timestamp(authority.reply(b"not a request"), TEXT, [authority.root])

    assert refused.value.reason == "timestamp_invalid"


def test_an_answer_to_another_request_is_not_archived(authority: LocalAuthority, stamped: bytes) -> None:
    """The same text, the same authority, and good in itself: only its nonce says that it is a replay."""
    verify_timestamp(stamped, TEXT, [authority.root])
    with (
        answering(http_reply(200, stamped, REPLY)) as replaying,
        pytest.raises(TimestampInvalid, match="Nonce") as refused,
    ):
        TimestampAuthority(url=replaying, roots=(authority.root,)).stamp(TEXT)

    assert refused.value.reason == "timestamp_invalid"


def test_an_authority_under_another_root_is_found_out_when_it_stamps(url: str, tmp_path: Path) -> None:
    other = local_authority(tmp_path / "other")

    with pytest.raises(TimestampInvalid):
        TimestampAuthority(url=url, roots=(other.root,)).stamp(TEXT)


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [(503, b"", REPLY), (200, b"<html>", "text/html"), (302, b"", REPLY), (200, b"x" * 100_000, REPLY)],
)
def test_no_answer_is_told_from_a_bad_one(
    status: int, body: bytes, media_type: str, authority: LocalAuthority, url: str
) -> None:
    with answering(http_reply(status, body, media_type)) as broken, pytest.raises(StoreUnavailable) as unavailable:
        TimestampAuthority(url=broken, roots=(authority.root,)).stamp(TEXT)

    assert (unavailable.value.reason, unavailable.value.exit_code) == ("timestamp_unavailable", 5)
    TimestampAuthority(url=url, roots=(authority.root,)).stamp(TEXT)


def test_without_its_package_a_timestamp_is_not_judged(
    monkeypatch: pytest.MonkeyPatch, authority: LocalAuthority, stamped: bytes
) -> None:
    monkeypatch.setattr(timestamps, "find_spec", lambda _: None)
    for attempt in (
        lambda: verify_timestamp(stamped, TEXT, [authority.root]),
        lambda: TimestampAuthority(url="http://localhost", roots=(authority.root,)).stamp(TEXT),
    ):
        with pytest.raises(TimestampsUnsupported) as missing:
            attempt()
        assert (missing.value.reason, missing.value.exit_code) == ("extra_missing", 3)
