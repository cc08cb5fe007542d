"""What a look at a database tells, for `doctor` and for the start.

The kids in it (see `keys`) say which secret it was used with: rows that were
derived under a key name that key. The latest hundred of each table are enough
to recognise a key by, however many rows there are.
"""

from collections.abc import Mapping
from typing import NamedTuple

from authserver.store import migrations
from authserver.store.database import Description, Transaction

LATEST_ROWS = 100
VARIABLES = (
    "sql_mode",
    "innodb_flush_log_at_trx_commit",
    "log_bin",
    "sync_binlog",
    "wsrep_on",
    "group_replication_group_name",
)
STATUS = ("wsrep_cluster_status", "wsrep_cluster_size")


class Server(NamedTuple):
    """What a MySQL or MariaDB server tells of itself."""

    description: Description
    variables: Mapping[str, str]  # those of `VARIABLES` that it knows
    status: Mapping[str, str]  # likewise, of `STATUS`
    clock: int


def look_at_server(url: str) -> Server:
    """Return what a server tells of itself; raises `DatabaseError`."""
    from authserver.store import mysql, mysql_start

    return mysql.look(
        url,
        lambda tx: Server(
            mysql_start.describe(tx, driver=tx.client),
            dict(
                tx.all(
                    "SHOW VARIABLES WHERE Variable_name IN (?, ?, ?, ?, ?, ?)",
                    VARIABLES,
                )
            ),
            dict(tx.all("SHOW STATUS WHERE Variable_name IN (?, ?)", STATUS)),
            int((tx.one("SELECT UNIX_TIMESTAMP()") or (0,))[0]),
        ),
    )


def find_sqlite_version(tx: Transaction) -> str:
    """Return the version of the SQLite library, like "3.40.1"."""
    row = tx.one("SELECT sqlite_version()")
    return str(row and row[0])


def list_pending(tx: Transaction, engine: str) -> list[str]:
    """Return the names of schema files that the next start will apply.

    Raises `DatabaseError` for a schema that is newer than this program.
    """
    known = migrations.load(engine)
    recorded = tx.one(
        """
        SELECT table_name
          FROM information_schema.tables
         WHERE table_schema = DATABASE()
           AND table_name = ?
        """
        if engine == "mysql"
        else "SELECT name FROM sqlite_master WHERE name = ?",
        ("schema_migrations",),
    )
    missing = migrations.pending(tx, known) if recorded else known
    return [migration.name for migration in missing]


def list_latest_kids(tx: Transaction, *, now: int) -> set[str]:
    """Return the kids of the rows that live longest."""
    rows = tx.all(
        """
        SELECT c.kid
          FROM (SELECT kid
                  FROM one_time_codes
                 WHERE expires_at > ?
                 ORDER BY expires_at DESC
                 LIMIT ?) AS c
         UNION
        SELECT r.kid
          FROM (SELECT kid
                  FROM refresh_tokens
                 WHERE expires_at > ?
                   AND spent_at IS NOT NULL
                 ORDER BY expires_at DESC
                 LIMIT ?) AS r
        """,
        (now, LATEST_ROWS, now, LATEST_ROWS),
    )
    return {kid for (kid,) in rows}
