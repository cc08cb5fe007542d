"""What a look at a database tells, for `doctor` and for the start.

The kids in it (see `keys`) say which secret it was used with: rows that were
derived under a key name that key. The latest hundred of each table are enough
to recognise a key by, however many rows there are.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from authserver.store import migrations
from authserver.store.database import Transaction, file_of

LATEST_ROWS = 100

T = TypeVar("T")
P = ParamSpec("P")


def look(
    url: str,
    function: Callable[Concatenate[Transaction, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Return what `function(tx, ...)` reads; the database stays as it is.

    No lock of ours is taken: a server may be running. Raises `DatabaseError`.
    """
    from authserver.store import sqlite  # not loaded where MySQL stores

    return sqlite.look(file_of(url), lambda tx: function(tx, *args, **kwargs))


def find_sqlite_version(tx: Transaction) -> str:
    """Return the version of the SQLite library, like "3.40.1"."""
    row = tx.one("SELECT sqlite_version()")
    return str(row and row[0])


def list_sqlite_pending(tx: Transaction) -> list[str]:
    """Return the names of schema files that the next start will apply.

    Raises `DatabaseError` for a schema that is newer than this program.
    """
    known = migrations.load("sqlite")
    recorded = tx.one(
        "SELECT name FROM sqlite_master WHERE name = ?", ("schema_migrations",)
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
