"""Schema files are applied once, in order, whole, and never change after."""

import re
from pathlib import Path

import pytest

from authserver.passwords import forms
from authserver.passwords.hasher import Hasher
from authserver.store import migrations, outbox, sqlite
from authserver.store.database import DatabaseError, UniqueViolation
from authserver.store.migrations import Migration

NOW = 1_700_000_000
BCRYPT = "$2b$04$" + 53 * "."
SQL = Path(__file__).parents[1] / "sql"
NAMES = tuple(sorted(path.stem for path in (SQL / "sqlite").glob("*.sql")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.db"


def records(tx):
    return tx.all(
        "SELECT name, sha256, applied_at FROM schema_migrations ORDER BY name"
    )


def table_names(tx):
    return {name for (name,) in tx.all("SELECT name FROM sqlite_schema")}


def change(path: Path, sql: str, *parameters: str) -> None:
    database = sqlite.open_file(path, now=NOW)
    database.transaction(lambda tx: tx.execute(sql, parameters))
    database.close()


def test_both_engines_have_the_same_files():
    assert tuple(sorted(path.stem for path in (SQL / "mysql").glob("*.sql"))) == NAMES


def test_files_are_numbered_without_gaps():
    assert [int(name[:4]) for name in NAMES] == list(range(len(NAMES)))


@pytest.mark.parametrize("path", sorted(SQL.rglob("*.sql")), ids=lambda path: path.name)
def test_file_begins_with_why_and_splits_at_line_ends(path):
    text = path.read_text()

    assert text.startswith("-- ")
    assert text.endswith(";\n")
    assert text.count(";") == text.count(";\n")


def test_every_table_is_strict(path):
    database = sqlite.open_file(path, now=NOW)
    tables = database.read(
        lambda tx: tx.all("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
    )
    database.close()

    assert [name for name, sql in tables if not sql.endswith("STRICT")] == []


def test_new_database_gets_every_file_and_a_record_of_each(path):
    database = sqlite.open_file(path, now=NOW)
    recorded = database.read(records)
    database.close()

    assert database.applied == NAMES
    assert tuple(name for name, _, _ in recorded) == NAMES
    assert {applied_at for _, _, applied_at in recorded} == {NOW}
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for _, sha256, _ in recorded)


def test_second_start_applies_nothing(path):
    sqlite.open_file(path, now=NOW).close()

    database = sqlite.open_file(path, now=NOW + 1)
    recorded = database.read(records)
    database.close()

    assert database.applied == ()
    assert {applied_at for _, _, applied_at in recorded} == {NOW}


def test_file_that_is_not_applied_yet_is_applied_alone(path):
    sqlite.open_file(path, now=NOW).close()
    change(path, "DROP TABLE limits")
    change(path, "DROP TABLE audit_log")
    change(path, "DELETE FROM schema_migrations WHERE name = ?", "0004_records")

    database = sqlite.open_file(path, now=NOW)
    tables = database.read(table_names)
    database.close()

    assert database.applied == ("0004_records",)
    assert {"limits", "audit_log"} <= tables


def test_scrypt_hashes_from_before_they_had_a_label_get_one(path):
    condensed = Hasher("scrypt", bcrypt_rounds=4).hash("correct horse")
    hashes = {"a": condensed.removeprefix(forms.CONDENSED), "b": BCRYPT}
    for name, stored in hashes.items():
        change(
            path,
            "INSERT INTO users (id, username, password_hash, password_version, roles, "
            "created_at) VALUES (?, ?, ?, 1, '', 0)",
            *(name, name, stored),
        )
    change(
        path, "DELETE FROM schema_migrations WHERE name = ?", "0005_condensed_scrypt"
    )

    database = sqlite.open_file(path, now=NOW)
    kept = database.read(lambda tx: tx.all("SELECT id, password_hash FROM users"))
    database.close()

    assert dict(kept) == {"a": condensed, "b": BCRYPT}


def test_message_from_before_there_were_languages_is_sent_in_english(path):
    sqlite.open_file(path, now=NOW).close()
    change(path, "ALTER TABLE outbox DROP COLUMN language")
    change(
        path,
        "INSERT INTO outbox (id, kind, channel, recipient, username, created_at, "
        "expires_at, due_at, attempts, status) "
        "VALUES ('m1', 'session_theft', 'email', 'a@b.org', 'a', 0, 9, 0, 0, 'queued')",
    )
    change(
        path, "DELETE FROM schema_migrations WHERE name = ?", "0006_message_language"
    )

    database = sqlite.open_file(path, now=NOW)
    kept = database.read(outbox.find_by_id, "m1")
    database.close()

    assert kept.language == "en"


def test_start_without_migrating_refuses_what_it_lacks(path):
    change(path, "DELETE FROM schema_migrations WHERE name = ?", NAMES[-1])

    with pytest.raises(DatabaseError, match=f"lacks the schema change {NAMES[-1]}"):
        sqlite.open_file(path, now=NOW, migrate=False)


def test_start_without_migrating_takes_a_complete_schema(path):
    sqlite.open_file(path, now=NOW).close()

    sqlite.open_file(path, now=NOW, migrate=False).close()


def test_changed_file_is_refused(path):
    change(
        path, "UPDATE schema_migrations SET sha256 = ? WHERE name = ?", "0", NAMES[1]
    )

    with pytest.raises(DatabaseError, match=f"{NAMES[1]}.sql was changed after"):
        sqlite.open_file(path, now=NOW)


def test_newer_schema_is_refused(path):
    change(path, "INSERT INTO schema_migrations VALUES (?, ?, 0)", "0099_later", "0")

    with pytest.raises(DatabaseError, match=r"newer authserver.*0099_later"):
        sqlite.open_file(path, now=NOW)


def test_file_that_fails_half_way_leaves_nothing(path):
    half = Migration(
        "0098_half", "0", ("CREATE TABLE half (id INTEGER) STRICT", "CREATE NONSENSE")
    )
    database = sqlite.open_file(path, now=NOW)
    with pytest.raises(Exception, match="syntax error"):
        database.transaction(migrations.apply, half, now=NOW)
    tables, recorded = database.read(table_names), database.read(records)
    database.close()

    assert "half" not in tables
    assert "0098_half" not in [name for name, _, _ in recorded]


def test_file_is_applied_only_once(path):
    twice = Migration(NAMES[-1], "0", ())
    database = sqlite.open_file(path, now=NOW)

    with pytest.raises(UniqueViolation):
        database.transaction(migrations.apply, twice, now=NOW)

    database.close()


def test_line_ends_of_a_checkout_do_not_change_the_digest(tmp_path):
    (tmp_path / "0001_lf.sql").write_bytes(b"-- why\nSELECT 1;\nSELECT 2;\n")
    (tmp_path / "0001_crlf.sql").write_bytes(b"-- why\r\nSELECT 1;\r\nSELECT 2;\r\n")

    first = migrations.read(tmp_path / "0001_lf.sql")
    second = migrations.read(tmp_path / "0001_crlf.sql")

    assert first.sha256 == second.sha256
    assert first.statements == second.statements == ("-- why\nSELECT 1", "SELECT 2")
