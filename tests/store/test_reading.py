"""A database is read beside its server, and never guessed at."""

import pytest

from authserver.store import sqlite
from authserver.store.database import DatabaseError, open_database
from authserver.store.reading import open_for_reading
from tests.store.rows import NOW

INSERT = """
    INSERT INTO limits (name, tokens, updated_at, blocked_until, blocks)
    VALUES (?, 0, 0, 0, 0)
"""


def names(tx):
    return [name for (name,) in tx.all("SELECT name FROM limits ORDER BY name")]


def test_last_commit_is_read_while_the_server_writes(opened, database_url):
    opened.transaction(lambda tx: tx.execute(INSERT, ("a",)))

    reading = open_for_reading(database_url)
    before = reading.read(names)
    opened.transaction(lambda tx: tx.execute(INSERT, ("b",)))
    after = reading.read(names)

    assert (before, after) == (["a"], ["a", "b"])


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'accounts.db'}"


def test_reader_cannot_write(url):
    open_database(url, now=NOW).close()

    reading = open_for_reading(url)

    with pytest.raises(DatabaseError, match="readonly"):
        reading.read(lambda tx: tx.execute(INSERT, ("a",)))


def test_stopped_server_leaves_a_file_that_is_read_and_left_alone(url, tmp_path):
    open_database(url, now=NOW).close()
    before = sorted(file.name for file in tmp_path.iterdir())

    assert open_for_reading(url).read(names) == []

    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_missing_database_is_not_made(url, tmp_path):
    with pytest.raises(DatabaseError, match=r"There is no database at .* yet"):
        open_for_reading(url)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("DELETE FROM schema_migrations WHERE name = ?", "migrate` first"),
        (
            "UPDATE schema_migrations SET name = '9999_later' WHERE name = ?",
            "newer authserver",
        ),
        (
            "UPDATE schema_migrations SET sha256 = 'x' WHERE name = ?",
            "was changed after",
        ),
    ],
)
def test_schema_of_another_version_is_refused(url, tmp_path, change, complaint):
    database = sqlite.open_file(tmp_path / "accounts.db", now=NOW)
    database.transaction(lambda tx: tx.execute(change, ("0004_records",)))
    database.close()

    with pytest.raises(DatabaseError, match=complaint):
        open_for_reading(url)
