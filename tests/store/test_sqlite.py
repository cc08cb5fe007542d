"""A commit is on disk, a function is all or nothing, a broken machine is 503.

Real SQLite in a temporary folder. Faults are real as well: a size limit of the
process for its files, a page limit of the database, another program's lock
(THREATS rows D1, D2, R8, R9).
"""

import contextlib
import resource
import sqlite3
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
