"""The PostgreSQL of the two-command start: it outlives its starter, and opens nobody's folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from tests.service.builders import run_florin

from florin.kit import embedded
from florin.kit.embedded_server import MAX_SOCKET_PATH_BYTES, EmbeddedDatabaseUnavailable

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


def test_it_outlives_its_starter_and_stops_when_told(short_folder: Path) -> None:
    environment = {"FLORIN_DATA_DIR": str(short_folder / "pg")}
    none = run_florin("db", "url", environment=environment)
    started = run_florin("db", "start", environment=environment)
    again = run_florin("db", "start", environment=environment)
    found = run_florin("db", "url", environment=environment)
    stopped = run_florin("db", "stop", environment=environment)
    gone = run_florin("db", "url", environment=environment)

    assert (none.returncode, gone.returncode, stopped.returncode) == (2, 2, 0)
    assert started.stdout == again.stdout == found.stdout


def test_a_long_path_gets_a_short_private_socket(short_folder: Path) -> None:
    data = short_folder / ("d" * MAX_SOCKET_PATH_BYTES)
    url = embedded.start(data)
    socket = Path(url.split("host=")[1])
    try:
        assert socket != data
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    finally:
        embedded.stop(data)
        socket.rmdir()


def test_a_folder_of_something_else_is_left_alone(short_folder: Path) -> None:
    (short_folder / "pg").mkdir()
    (short_folder / "pg" / "thesis.txt").write_text("mine")
    before = (short_folder / "pg").stat()

    with pytest.raises(EmbeddedDatabaseUnavailable, match="holds something else"):
        embedded.start(short_folder / "pg")
    assert (short_folder / "pg").stat().st_uid == before.st_uid


@root_only
def test_a_closed_folder_above_the_data_stays_closed(short_folder: Path) -> None:
    home = short_folder / "home"
    home.mkdir(mode=0o700)

    with pytest.raises(EmbeddedDatabaseUnavailable, match="does not let through"):
        embedded.start(home / "pg")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@root_only
def test_nobody_else_reaches_the_socket_for_it_asks_for_no_password(short_folder: Path) -> None:
    data = short_folder / "pg"
    embedded.start(data)
    try:
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert data.stat().st_uid != 0
    finally:
        embedded.stop(data)
