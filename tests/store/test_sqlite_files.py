"""A file is opened by one process, closed to others, and refused if damaged.

Damage is real: bytes turned over, pages overwritten, files cut off or alone
(THREATS rows D3 and R24).
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from authserver import errors
from authserver.store import sqlite
from authserver.store.database import DatabaseError
from authserver.store.one_writer import OneWriterDatabase

NOW = 1_700_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.db"


@pytest.fixture
def database(path: Path) -> Iterator[OneWriterDatabase]:
    opened = sqlite.open_file(path, now=NOW, begin_wait_s=0.1)
    yield opened
    opened.close()


def insert(tx, name, tokens=1.0):
    return tx.execute(
        "INSERT INTO limits (name, tokens, updated_at, blocked_until, blocks) "
        "VALUES (?, ?, 0, 0, 0)",
        (name, tokens),
    )


def names(tx):
    return [name for (name,) in tx.all("SELECT name FROM limits ORDER BY name")]


def test_files_are_closed_to_other_users_whatever_the_umask(tmp_path):
    umask = os.umask(0)
    try:
        database = sqlite.open_file(tmp_path / "a.db", now=NOW)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(umask)

    assert modes == dict.fromkeys(["a.db", "a.db-wal", "a.db-shm", "a.db.lock"], 0o600)


def test_closing_leaves_the_file_whole_and_nothing_open(tmp_path):
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    database = sqlite.open_file(tmp_path / "a.db", now=NOW)
    database.read(names)
    database.later(insert, "queued")
    database.close()

    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.db", "a.db.lock"]
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as check:
        assert check.execute("SELECT name FROM limits").fetchall() == [("queued",)]


def test_failed_start_leaves_nothing_open(path):
    database = sqlite.open_file(path, now=NOW)
    database.transaction(
        lambda tx: tx.execute("INSERT INTO schema_migrations VALUES ('9_new', '', 0)")
    )
    database.close()
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(DatabaseError) as refused:  # holds on to the traceback
        sqlite.open_file(path, now=NOW)

    assert len(os.listdir("/proc/self/fd")) == before
    assert "newer authserver" in str(refused.value)


def test_failed_opening_leaves_nothing_open(path):
    path.write_bytes(b"not a database" * 1000)
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(DatabaseError) as refused:
        sqlite.open_file(path, now=NOW)

    assert len(os.listdir("/proc/self/fd")) == before
    assert "is damaged" in str(refused.value)


def test_second_opening_in_one_process_is_refused_by_any_name(database, path):
    (path.parent / "folder").mkdir()
    link = path.parent / "folder" / "link.db"
    link.symlink_to(path)

    with pytest.raises(DatabaseError, match="Another authserver process uses"):
        sqlite.open_file(link, now=NOW)


HOLD = """
import sys
from authserver.store import sqlite
database = sqlite.open_file(sys.argv[1], now=0)
print("open", flush=True)
sys.stdin.read()
"""


def test_other_process_is_refused_until_the_first_one_dies(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(DatabaseError, match=r"accounts\.db\.lock is locked"):
            sqlite.open_file(path, now=NOW)
        holder.send_signal(signal.SIGKILL)

    sqlite.open_file(path, now=NOW).close()


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(DatabaseError, match=r"folder of .*a\.db .*No such file"):
        sqlite.open_file(tmp_path / "nowhere" / "a.db", now=NOW)


def test_folder_in_place_of_the_file_is_refused(path):
    path.mkdir()

    with pytest.raises(DatabaseError, match="cannot be used"):
        sqlite.open_file(path, now=NOW)


def test_file_that_may_not_be_written_is_refused(path, monkeypatch):
    sqlite.open_file(path, now=NOW).close()
    # Root may write everything, so the system's answer is ours here.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)

    with pytest.raises(DatabaseError, match="cannot be read and written by this user"):
        sqlite.open_file(path, now=NOW)


def test_beginning_twice_is_a_bug(path):
    sqlite.open_file(path, now=NOW).close()
    with contextlib.closing(sqlite.SqliteConnection(path, writable=True)) as connection:
        connection.begin()

        with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
            connection.begin()


def test_foreign_lock_at_the_start_is_named(path):
    sqlite.open_file(path, now=NOW).close()

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="another program has locked it"):
            sqlite.open_file(path, now=NOW)


def test_start_killed_while_it_made_the_file_does_not_matter(path):
    path.with_name("accounts.db.new").write_bytes(b"half")

    database = sqlite.open_file(path, now=NOW)

    assert database.read(names) == []
    database.close()


def filled(path: Path) -> bytes:
    """Make a database with a few pages of rows, and return its bytes."""
    database = sqlite.open_file(path, now=NOW)
    for number in range(50):
        database.transaction(insert, f"{number:02}" + "x" * 400)
    database.close()
    return path.read_bytes()


def refusal(path: Path) -> str:
    """Return the sentence that refuses `path`, whose bytes must stay."""
    before = path.read_bytes()
    with pytest.raises(DatabaseError) as refused:
        sqlite.open_file(path, now=NOW)
    assert path.read_bytes() == before
    return str(refused.value)


def test_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"Dear diary, " * 1000)

    assert "is damaged, or no SQLite database" in refusal(path)


def test_truncated_file_is_refused(path):
    path.write_bytes(filled(path)[: 5 * 4096])

    assert "is damaged, or no SQLite database" in refusal(path)


def test_overwritten_page_is_refused(path):
    content = bytearray(filled(path))
    content[10 * 4096 : 11 * 4096] = bytes(range(256)) * 16
    path.write_bytes(content)

    assert "is damaged, or no SQLite database" in refusal(path)


def test_empty_file_is_refused(path):
    path.touch()

    assert "is empty" in refusal(path)


def test_journal_without_its_database_is_refused(path):
    path.with_name("accounts.db-wal").write_bytes(b"last changes")

    with pytest.raises(DatabaseError, match="is missing but its last changes"):
        sqlite.open_file(path, now=NOW)

    assert not path.exists()


def test_turned_over_byte_is_refused_or_harmless(path):
    sound = filled(path)
    outcomes = set()
    for place in range(0, len(sound), len(sound) // 100):
        content = bytearray(sound)
        content[place] ^= 0x55
        path.write_bytes(content)
        outcomes.add(_outcome(path))

    assert "refused" in outcomes
    assert outcomes <= {"refused", "answered", "unavailable"}


def _outcome(path: Path) -> str:
    try:
        database = sqlite.open_file(path, now=NOW)
    except DatabaseError:
        return "refused"
    try:
        database.read(names)
    except errors.Unavailable:
        return "unavailable"
    finally:
        database.close()
    return "answered"
