"""A full disk: writes are refused with 503, reads go on, nothing is damaged.

Two ways to fail: a small disk of its own (tmpfs, which root may mount), filled
up for real; and a limit on the size of files, an I/O error to SQLite.
Who may not mount gets the second way twice.
"""

import contextlib
import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import ServerProcess, join, log_in, wait_until

DISK_BYTES = 8 * 1024 * 1024
RECOVERS_WITHIN_S = 1.0


class SmallDisk:
    """A disk that can be filled and freed while a server writes to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, server: ServerProcess) -> None:
        with (
            open(self._ballast, "wb", buffering=0) as file,
            contextlib.suppress(OSError),
        ):
            while file.write(b"x" * 4096):
                pass

    def free(self, server: ServerProcess) -> None:
        self._ballast.unlink()


class SmallFiles:
    """The same for those who may not mount: no file may grow any more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: ServerProcess) -> None:
        assert server.process
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        limits = (64 * 1024, hard)  # the database is larger already
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)

    def free(self, server: ServerProcess) -> None:
        assert server.process
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def mounted(folder: Path) -> bool:
    command = ("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder)
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(params=["disk", "files"])
def disk(request, tmp_path: Path) -> Iterator[SmallDisk | SmallFiles]:
    folder = tmp_path / "small"
    folder.mkdir()
    if request.param == "files" or os.geteuid() != 0 or not mounted(folder):
        yield SmallFiles(folder)
    else:
        yield SmallDisk(folder)
        subprocess.run(("umount", folder), check=True)


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
