"""A full disk: writes are refused with 503, reads go on, nothing is damaged.

Two ways to fail: a small disk, and a limit on the size of files, an I/O error
to SQLite (see `disks`).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.disks import Disk, small_disk
from tests.processes import ServerProcess, join, log_in, wait_until

RECOVERS_WITHIN_S = 1.0


@pytest.fixture(params=["disk", "files"])
def disk(request, tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / "small").mkdir()
    with small_disk(tmp_path / "small", request.param) as disk:
        yield disk


@pytest.fixture
def server(disk, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on the small disk; what it prints goes elsewhere."""
    url = f"sqlite:///{disk.folder}/authserver.db"
    settings = {"BCRYPT_ROUNDS": "4", "DATABASE_URL": url}
    server = ServerProcess(tmp_path, settings).start()
    join(server)
    yield server
    server.kill()


@pytest.fixture
def fill(disk, server) -> Callable[[], None]:
    """Return what fills the disk until a write has failed."""

    def fill() -> None:
        disk.fill(server)
        wait_until(lambda: log_in(server).status == 503, "a failed write")

    return fill


def test_writes_are_refused_and_reads_go_on(server, fill):
    bearer = log_in(server).payload["access_token"]
    fill()

    answer = log_in(server)

    assert (answer.status, answer.payload["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert server.ask("GET", "/auth/me", bearer=bearer).status == 200


def test_writes_go_on_when_there_is_room_again(server, fill, disk):
    fill()
    disk.free(server)
    freed = time.monotonic()

    wait_until(lambda: log_in(server).status == 200, "a login")

    assert time.monotonic() - freed < RECOVERS_WITHIN_S


def test_nothing_is_damaged(server, fill, disk):
    fill()
    disk.free(server)
    server.kill()

    server.start()

    assert log_in(server).status == 200
    server.signal(15)
    assert server.wait() == 0
    connection = sqlite3.connect(disk.folder / "authserver.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
