"""From an SQLite file into an empty MySQL database, table by table.

The tables stand in the order of their references: nobody's session before its
user. Rows are read in pages by SQLite's rowid, which every table has and which
nothing changes while the file is locked, and each page is one transaction over
there: short enough not to time out, long enough to be fast. Values go through
as they are: both schemas hold the same texts, whole numbers and one float.

    begin   the target is empty, and from now on marked as half a copy
    copy    one table after the other
    end     the mark is taken away

A copy that was killed half-way would pass for a whole one, in which nobody has
failed a guess and some people are missing. With the mark no server starts on
it.

Adding a column? Also here, twice; a test compares this list with the schema.
"""

from collections.abc import Iterator
from typing import NamedTuple

from authserver.store import migrations
from authserver.store.database import Database, Row, Transaction

PAGE_ROWS = 1000


class Table(NamedTuple):
    """One table, and the statements that copy it."""

    name: str
    rows: str  # counts them
    page: str  # after a rowid, so many; the rowid comes first
    insert: str


TABLES = (
    Table(
        "users",
        "SELECT COUNT(*) FROM users",
        """
        SELECT rowid, id, username, email, email_verified_at, phone,
               phone_verified_at, password_hash, password_version, roles,
               created_at, last_login_at, disabled_at
          FROM users
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO users (id, username, email, email_verified_at, phone,
                           phone_verified_at, password_hash, password_version,
                           roles, created_at, last_login_at, disabled_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "registrations",
        "SELECT COUNT(*) FROM registrations",
        """
        SELECT rowid, id, username, email, phone, password_hash, address,
               created_at, expires_at
          FROM registrations
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO registrations (id, username, email, phone, password_hash,
                                   address, created_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "sessions",
        "SELECT COUNT(*) FROM sessions",
        """
        SELECT rowid, id, user_id, token_digest, created_at, last_seen_at,
               expires_at, address, user_agent, amr, revoked_at, revoked_for
          FROM sessions
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO sessions (id, user_id, token_digest, created_at, last_seen_at,
                              expires_at, address, user_agent, amr, revoked_at,
                              revoked_for)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "refresh_tokens",
        "SELECT COUNT(*) FROM refresh_tokens",
        """
        SELECT rowid, digest, session_id, expires_at, kid, nonce, spent_at,
               spent_by, spent_from
          FROM refresh_tokens
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO refresh_tokens (digest, session_id, expires_at, kid, nonce,
                                    spent_at, spent_by, spent_from)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "known_addresses",
        "SELECT COUNT(*) FROM known_addresses",
        """
        SELECT rowid, user_id, address, last_login_at
          FROM known_addresses
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO known_addresses (user_id, address, last_login_at)
        VALUES (?, ?, ?)
        """,
    ),
    Table(
        "one_time_codes",
        "SELECT COUNT(*) FROM one_time_codes",
        """
        SELECT rowid, id, purpose, subject_id, contact, channel, kid, created_at,
               expires_at, attempts_left, spent_at, spent_by
          FROM one_time_codes
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO one_time_codes (id, purpose, subject_id, contact, channel, kid,
                                    created_at, expires_at, attempts_left, spent_at,
                                    spent_by)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "outbox",
        "SELECT COUNT(*) FROM outbox",
        """
        SELECT rowid, id, kind, channel, recipient, username, code_id, created_at,
               expires_at, due_at, attempts, status, last_error, language
          FROM outbox
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO outbox (id, kind, channel, recipient, username, code_id,
                            created_at, expires_at, due_at, attempts, status,
                            last_error, language)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "audit_log",
        "SELECT COUNT(*) FROM audit_log",
        """
        SELECT rowid, id, at, event, outcome, user_id, identifier, address,
               user_agent, request_id
          FROM audit_log
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO audit_log (id, at, event, outcome, user_id, identifier, address,
                               user_agent, request_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
    ),
    Table(
        "limits",
        "SELECT COUNT(*) FROM limits",
        """
        SELECT rowid, name, tokens, updated_at, blocked_until, blocks
          FROM limits
         WHERE rowid > ?
         ORDER BY rowid
         LIMIT ?
        """,
        """
        INSERT INTO limits (name, tokens, updated_at, blocked_until, blocks)
        VALUES (?, ?, ?, ?, ?)
        """,
    ),
)


def count(tx: Transaction) -> dict[str, int]:
    """Return how many rows each table has, in the order of `TABLES`."""
    return {table.name: (tx.one(table.rows) or (0,))[0] for table in TABLES}


def begin(tx: Transaction, *, now: int) -> dict[str, int]:
    """Mark a target that is empty; return how many rows another one holds."""
    held = {name: rows for name, rows in count(tx).items() if rows}
    if not held:
        tx.execute(
            "INSERT INTO schema_migrations (name, sha256, applied_at) VALUES (?, ?, ?)",
            (migrations.COPYING, "", now),
        )
    return held


def end(tx: Transaction) -> None:
    """Take the mark away."""
    tx.execute("DELETE FROM schema_migrations WHERE name = ?", (migrations.COPYING,))


def copy(source: Database, target: Database, table: Table) -> Iterator[int]:
    """Copy a table; yield after each page how many rows that makes.

    Raises `ConstraintViolation` for a row that the target does not take, and
    `errors.Unavailable`.
    """
    after, copied = 0, 0
    while rows := source.read(_page, table, after):
        target.transaction(_insert, table, rows)
        after, copied = rows[-1][0], copied + len(rows)
        yield copied


def _page(tx: Transaction, table: Table, after: int) -> list[Row]:
    return tx.all(table.page, (after, PAGE_ROWS))


def _insert(tx: Transaction, table: Table, rows: list[Row]) -> None:
    for _rowid, *values in rows:
        tx.execute(table.insert, values)
