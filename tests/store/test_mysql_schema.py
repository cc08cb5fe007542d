"""The schema on a server: the same tables as SQLite's, made once by many."""

import threading
from pathlib import Path

import pytest

from authserver.store.database import DatabaseError, open_database
from tests import databases

NOW = 1_800_000_000
SQL = Path(__file__).parents[2] / "sql" / "mysql"
NEWEST = max(path.stem for path in SQL.glob("*.sql"))
OWN_TABLES = {"commits"}  # what SQLite has no use for
pytestmark = pytest.mark.skipif(not databases.HAVE_MARIADB, reason="no mariadbd")


def columns_of_server(tx):
    """Return (table, column, may be NULL), in order."""
    return tx.all(
        """
        SELECT table_name, column_name, is_nullable = 'YES'
          FROM information_schema.columns
         WHERE table_schema = DATABASE()
         ORDER BY table_name, ordinal_position
        """
    )


def columns_of_sqlite(tx):
    return tx.all(
        """
        SELECT t.name, c.name, NOT c."notnull"
          FROM sqlite_schema AS t
          JOIN pragma_table_info(t.name) AS c
         WHERE t.type = 'table'
         ORDER BY t.name, c.cid
        """
    )


def test_both_engines_have_the_same_tables_and_columns(fresh, tmp_path):
    _, url = fresh
    server = open_database(url, now=NOW)
    sqlite = open_database(f"sqlite:///{tmp_path}/a.db", now=NOW)
    ours, theirs = server.read(columns_of_server), sqlite.read(columns_of_sqlite)
    server.close()
    sqlite.close()

    assert [row for row in ours if row[0] not in OWN_TABLES] == theirs


def test_tables_suit_every_kind_of_cluster(fresh):
    _, url = fresh
    opened = open_database(url, now=NOW)
    without_key = opened.read(
        lambda tx: tx.all(
            """
            SELECT t.table_name
              FROM information_schema.tables AS t
             WHERE t.table_schema = DATABASE()
               AND NOT EXISTS (SELECT 1
                                 FROM information_schema.table_constraints AS c
                                WHERE c.table_schema = t.table_schema
                                  AND c.table_name = t.table_name
                                  AND c.constraint_type = 'PRIMARY KEY')
            """
        )
    )
    cascading = opened.read(
        lambda tx: tx.all(
            """
            SELECT constraint_name
              FROM information_schema.referential_constraints
             WHERE constraint_schema = DATABASE()
               AND delete_rule NOT IN ('RESTRICT', 'NO ACTION')
            """
        )
    )
    opened.close()

    assert (without_key, cascading) == ([], [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "INSERT INTO test_fresh.schema_migrations VALUES ('0099_later', '0', 0)",
            "newer authserver: its schema has 0099_later",
        ),
        (
            "UPDATE test_fresh.schema_migrations SET sha256 = '0'",
            "0000_schema_migrations.sql was changed after",
        ),
    ],
)
def test_schema_that_is_not_ours_is_refused(fresh, change, reason):
    server, url = fresh
    open_database(url, now=NOW).close()
    server.run(change)

    with pytest.raises(DatabaseError, match=reason):
        open_database(url, now=NOW)


def test_start_without_migrating_refuses_what_it_lacks(fresh):
    server, url = fresh
    open_database(url, now=NOW).close()
    open_database(url, now=NOW, migrate=False).close()
    server.run(f"DELETE FROM test_fresh.schema_migrations WHERE name = '{NEWEST}'")

    with pytest.raises(DatabaseError, match=f"lacks the schema change {NEWEST}"):
        open_database(url, now=NOW, migrate=False)


def test_processes_that_start_at_once_make_one_schema(fresh):
    _, url = fresh
    applied = []

    def start():
        opened = open_database(url, now=NOW)
        applied.append(opened.applied)
        opened.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    first, *others = sorted(applied, reverse=True)
    assert first[0] == "0000_schema_migrations"
    assert others == [(), (), ()]


def test_schema_that_stopped_half_way_is_finished(fresh):
    server, url = fresh
    open_database(url, now=NOW).close()
    server.run(
        "DROP TABLE test_fresh.limits",
        "DELETE FROM test_fresh.schema_migrations WHERE name >= '0001'",
    )

    opened = open_database(url, now=NOW)
    opened.close()

    assert opened.applied[0] == "0001_accounts"
    assert len(opened.applied) >= 4


def test_database_of_another_character_set_stores_ours(fresh):
    _, url = fresh

    opened = open_database(url, now=NOW)
    sets = opened.read(
        lambda tx: tx.all(
            "SELECT DISTINCT character_set_name FROM information_schema.columns "
            "WHERE table_schema = 'test_fresh' AND character_set_name IS NOT NULL"
        )
    )
    opened.close()

    assert sets == [("utf8mb4",)]
