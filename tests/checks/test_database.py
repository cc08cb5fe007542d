"""The database and the clock, as far as the start depends on them."""

import os
import sqlite3
import time
from pathlib import Path

import pytest


def damaged(folder: Path) -> None:
    (folder / "authserver.db").write_bytes(b"no database at all" * 400)


def newer(folder: Path) -> None:
    connection = sqlite3.connect(folder / "authserver.db")
    with connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('9999_x', 'f', 1)")
    connection.close()


def empty(folder: Path) -> None:
    (folder / "authserver.db").write_bytes(b"")


def torn(folder: Path) -> None:
    (folder / "authserver.db").rename(folder / "authserver.db-wal")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (empty, "is empty, and authserver never leaves an empty file: restore it"),
        (torn, "is missing but its last changes are still in"),
        (damaged, "is damaged, or no SQLite database"),
        (newer, "which this version does not know. Install that version again."),
    ],
)
def test_database_that_cannot_be_used_fails(
    doctor, make_database, tmp_path, spoil, sentence
):
    make_database()
    spoil(tmp_path)

    report = doctor()

    failures = [words for state, words in report.of("database") if state == "FAIL"]
    assert len(failures) == 1
    assert sentence in failures[0]
    assert report.status == 1


def test_pending_schema_changes_are_a_warning(doctor, make_database):
    connection = sqlite3.connect(make_database())
    with connection:
        connection.execute("DELETE FROM schema_migrations WHERE name LIKE '0004%'")
    connection.close()

    state, words = doctor().of("database")[-1]

    assert state == "warn"
    assert words.startswith("lacks 0004_records. The next start brings it up to date")


def test_database_that_others_can_read_is_a_warning(doctor, make_database):
    make_database().chmod(0o644)

    assert doctor().of("database files")[0] == (
        "warn",
        "authserver.db is open to other users (mode 644). Run: chmod 600 authserver.db",
    )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///no/such/a.db", "/no/such does not exist. Make it"),
        ("postgres://me:hush@db/a", "DATABASE_URL must be"),
        ("sqlite:////tmp", "DATABASE_URL names /tmp, which is a folder."),
        (f"sqlite:///{'a' * 300}", "which cannot be a database: File name too long."),
    ],
)
def test_database_that_cannot_be_named_so_fails(doctor, url, sentence):
    report = doctor(DATABASE_URL=url)

    told = report.of("database") + report.of("database files")
    assert [sentence in words for state, words in told if state == "FAIL"] == [True]
    assert "FAIL" not in [state for state, _ in report.of("secret key")]
    assert "hush" not in report.text


def test_clock_behind_the_database_fails(doctor, make_database):
    later = time.time() + 3600
    os.utime(make_database(), (later, later))

    ((state, words),) = doctor().of("clock")

    assert state == "FAIL"
    assert "is earlier than what was written" in words
    assert "timedatectl" in words
