"""A commit is on disk, a function is all or nothing, a broken machine is 503.

Real SQLite in a temporary folder. Faults are real as well: a size limit of the
process for its files, a page limit of the database, another program's lock
(THREATS rows D1, D2, R8, R9).
"""

import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from authserver import errors
from authserver.store import sqlite
from authserver.store.database import (
    DatabaseError,
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
        ("PRAGMA wal_autocheckpoint", 4000, 0),  # only the writer (row D1)
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


def test_one_who_raises_in_a_group_undoes_its_own_writes_and_no_others(database):
    told = []

    def write(tx, name):
        insert(tx, name)
        if name == "b":
            raise ValueError(name)
        return name

    database.end_round()  # from here on what this thread begins shares a commit
    for name in "abc":
        database.begin(write, name, done=lambda *outcome: told.append(outcome))
    database.end_round()
    database.transaction(lambda tx: None)
    database.end_round()

    assert [result for result, _ in told] == ["a", None, "c"]
    assert [type(error) for _, error in told] == [type(None), ValueError, type(None)]
    assert database.tally.transactions == 3
    assert database.read(names) == ["a", "c"]


def test_file_that_vanishes_is_unavailable_and_not_made_anew(path):
    with pytest.raises(errors.Unavailable, match="unable to open"):
        sqlite.SqliteConnection(path, writable=True)

    assert not path.exists()
