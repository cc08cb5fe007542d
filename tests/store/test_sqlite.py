"""A commit is on disk, a broken machine is 503, a damaged file is refused.

Real SQLite in a temporary folder. Faults are real as well: a size limit of the
process for its files, a page limit of the database, another program's lock,
bytes turned over in the file (THREATS rows D1 to D3, R8, R9, R24).
"""

import contextlib
import os
import resource
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
from authserver.store.database import (
    ConstraintViolation,
    DatabaseError,
    UniqueViolation,
)
from authserver.store.one_writer import OneWriterDatabase

NOW = 1_700_000_000
INSERT = "INSERT INTO limits (name, tokens, updated_at, blocked_until, blocks)"


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


def insert_megabyte(tx, name):
    insert(tx, name + "x" * 2**20)


def names(tx):
    return [name for (name,) in tx.all("SELECT name FROM limits ORDER BY name")]


@contextlib.contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """Let every write of this process beyond `limit_bytes` of a file fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_execute_counts_matched_rows_even_if_nothing_changes(database):
    database.transaction(insert, "a")

    matched = database.transaction(
        lambda tx: [
            tx.execute("UPDATE limits SET tokens = 1 WHERE name = ?", ("a",)),
            tx.execute("UPDATE limits SET tokens = 1 WHERE name = ?", ("b",)),
        ]
    )

    assert matched == [1, 0]


def test_absent_row_is_none(database):
    assert database.read(lambda tx: tx.one("SELECT name FROM limits")) is None


def test_existing_key_is_a_unique_violation_and_the_function_may_go_on(database):
    def insert_or_count(tx):
        insert(tx, "before")
        with pytest.raises(UniqueViolation, match=r"limits\.name"):
            insert(tx, "before")
        insert(tx, "after")

    database.transaction(insert_or_count)

    assert database.read(names) == ["after", "before"]


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("STRICT", f"{INSERT} VALUES ('a', 'many', 0, 0, 0)"),
        ("NOT NULL", f"{INSERT} VALUES ('a', NULL, 0, 0, 0)"),
        ("FOREIGN KEY", "INSERT INTO known_addresses VALUES ('nobody', '::1', 0)"),
    ],
)
def test_rule_of_the_schema_is_a_constraint_violation(database, rule, statement):
    with pytest.raises(ConstraintViolation) as violation:
        database.transaction(lambda tx: tx.execute(statement))

    assert type(violation.value) is ConstraintViolation


def test_mistake_in_the_sql_stays_a_bug_of_its_caller(database):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.transaction(lambda tx: tx.all("SELECT 1 FROM nowhere"))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.read(lambda tx: tx.one("SELECT 1 FROM nowhere"))

    assert database.read(names) == []


def test_what_a_function_wrote_before_it_raised_is_undone(database):
    def fail(tx):
        insert(tx, "half")
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        database.transaction(fail)

    assert database.read(names) == []


def test_read_sees_one_moment_whatever_is_committed_meanwhile(database):
    database.transaction(insert, "early")

    def read_around_a_commit(tx):
        before = names(tx)
        other = threading.Thread(target=database.transaction, args=(insert, "late"))
        other.start()
        other.join()
        return before, names(tx)

    assert database.read(read_around_a_commit) == (["early"], ["early"])
    assert database.read(names) == ["early", "late"]


def test_reader_cannot_write(database):
    with pytest.raises(errors.Unavailable, match="readonly"):
        database.read(insert, "a")

    assert database.read(names) == []


def test_first_row_of_many_does_not_hold_on_to_its_snapshot(database):
    for name in "abc":
        database.transaction(insert, name)
    database.read(lambda tx: tx.one("SELECT name FROM limits"))

    database.transaction(insert, "d")

    assert database.read(names) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("pragma", "writer", "reader"),
    [
        ("PRAGMA journal_mode", "wal", "wal"),
        ("PRAGMA synchronous", 2, 2),  # FULL (THREATS row D2)
        ("PRAGMA foreign_keys", 1, 0),
        ("PRAGMA query_only", 0, 1),
        ("PRAGMA wal_autocheckpoint", 1000, 0),  # only the writer (row D1)
        ("PRAGMA trusted_schema", 0, 0),
        ("PRAGMA mmap_size", 0, 0),
    ],
)
def test_connections_are_set_up_as_promised(database, pragma, writer, reader):
    assert database.transaction(lambda tx: tx.one(pragma)) == (writer,)
    assert database.read(lambda tx: tx.one(pragma)) == (reader,)


def test_connection_that_does_not_obey_a_pragma_is_not_used(path, monkeypatch):
    disobeyed = ("PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys", 1)
    monkeypatch.setattr(sqlite, "WRITER_PRAGMAS", (disobeyed,))

    with pytest.raises(DatabaseError, match="foreign_keys=OFF has no effect here"):
        sqlite.open_file(path, now=NOW)


def test_full_disk_is_unavailable_and_over_when_there_is_room_again(database, path):
    wal = path.with_name("accounts.db-wal")
    database.transaction(insert, "before")

    with (
        file_size_limit(wal.stat().st_size),
        pytest.raises(errors.Unavailable),
    ):
        database.transaction(insert_megabyte, "lost")
    database.transaction(insert, "after")

    assert database.read(names) == ["after", "before"]


def test_reads_go_on_while_the_disk_is_full(database, path):
    database.transaction(insert, "before")

    with file_size_limit(path.stat().st_size):
        assert database.read(names) == ["before"]


def test_full_database_is_unavailable_and_its_connection_replaced(database, caplog):
    def insert_into_full(tx):
        tx.one("PRAGMA max_page_count = 1")  # of this connection only
        insert_megabyte(tx, "lost")

    with pytest.raises(errors.Unavailable):
        database.transaction(insert_into_full)
    database.transaction(insert_megabyte, "kept")

    assert len(database.read(names)) == 1
    assert "the database failed: database or disk is full" in caplog.text


def test_failed_write_that_a_function_swallows_is_not_committed(database):
    def swallow(tx):
        insert(tx, "before")
        tx.one("PRAGMA query_only = ON")  # as if the disk were read-only now
        with pytest.raises(errors.Unavailable):
            insert(tx, "lost")

    with pytest.raises(errors.Unavailable, match="cannot be written"):
        database.transaction(swallow)

    assert database.read(names) == []


def test_database_locked_away_is_unavailable_and_the_function_never_runs(
    database, path
):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.Unavailable, match="busy or stuck"):
            database.transaction(insert, "gave up")
        readable = database.read(names)
        stranger.execute("COMMIT")

    database.later(insert, "next")
    database.close()

    assert readable == []
    with contextlib.closing(sqlite3.connect(path)) as check:
        assert check.execute("SELECT name FROM limits").fetchall() == [("next",)]


def test_file_that_vanishes_is_unavailable_and_not_made_anew(path):
    with pytest.raises(errors.Unavailable, match="unable to open"):
        sqlite.SqliteConnection(path, writable=True)

    assert not path.exists()


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
