"""The audit log: who did what, when, from where, and how it ended.

A row is written in the same transaction as what it tells of, so it is there
exactly if that happened. It never holds a secret: no password, code or token,
only the canonical form of the identifier that was typed.

It grows for as long as entries are kept, so it is read in pages: each begins
after the last entry of the one before, which an index finds at once. Entries of
one second stand in the order in which one process wrote them; those of several
processes are mixed.
"""

from typing import NamedTuple

from authserver.store.database import Transaction


class Entry(NamedTuple):
    """A row of `audit_log`; field names are column names."""

    id: str
    at: int
    event: str
    outcome: str  # "ok", or the reason of the refusal
    user_id: str | None
    identifier: str | None
    address: str
    user_agent: str
    request_id: str


class Position(NamedTuple):
    """A place in the order of the log; `id` is that of the entry before it."""

    at: int
    id: str = ""


class Wanted(NamedTuple):
    """Which entries are asked for."""

    until: int  # and not at that second itself
    event: str | None = None  # None is any


def insert(tx: Transaction, entry: Entry) -> None:
    """Write an entry."""
    tx.execute(
        """
        INSERT INTO audit_log (id, at, event, outcome, user_id, identifier, address,
                               user_agent, request_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            entry.id,
            entry.at,
            entry.event,
            entry.outcome,
            entry.user_id,
            entry.identifier,
            entry.address,
            entry.user_agent,
            entry.request_id,
        ),
    )


def list_after(
    tx: Transaction, start: Position, wanted: Wanted, *, limit: int
) -> list[Entry]:
    """Return the first entries after a position, oldest first."""
    rows = tx.all(
        """
        SELECT id, at, event, outcome, user_id, identifier, address, user_agent,
               request_id
          FROM audit_log
         WHERE at >= ?
           AND at < ?
           AND (at > ? OR id > ?)
           AND (? IS NULL OR event = ?)
         ORDER BY at, id
         LIMIT ?
        """,
        (
            start.at,
            wanted.until,
            start.at,
            start.id,
            wanted.event,
            wanted.event,
            limit,
        ),
    )
    return [Entry(*row) for row in rows]


def list_by_user_after(
    tx: Transaction, user_id: str, start: Position, wanted: Wanted, *, limit: int
) -> list[Entry]:
    """Return the user's first entries after a position, oldest first."""
    rows = tx.all(
        """
        SELECT id, at, event, outcome, user_id, identifier, address, user_agent,
               request_id
          FROM audit_log
         WHERE user_id = ?
           AND at >= ?
           AND at < ?
           AND (at > ? OR id > ?)
           AND (? IS NULL OR event = ?)
         ORDER BY at, id
         LIMIT ?
        """,
        (
            user_id,
            start.at,
            wanted.until,
            start.at,
            start.id,
            wanted.event,
            wanted.event,
            limit,
        ),
    )
    return [Entry(*row) for row in rows]


def find_before_latest(
    tx: Transaction, since: int, wanted: Wanted, *, count: int
) -> Position | None:
    """Return after which entry the latest `count` begin; None if all do."""
    row = tx.one(
        """
        SELECT at, id
          FROM audit_log
         WHERE at >= ?
           AND at < ?
           AND (? IS NULL OR event = ?)
         ORDER BY at DESC, id DESC
         LIMIT 1 OFFSET ?
        """,
        (since, wanted.until, wanted.event, wanted.event, count),
    )
    return Position(*row) if row else None


def find_before_latest_by_user(
    tx: Transaction, user_id: str, since: int, wanted: Wanted, *, count: int
) -> Position | None:
    """Return after which of the user's entries the latest `count` begin."""
    row = tx.one(
        """
        SELECT at, id
          FROM audit_log
         WHERE user_id = ?
           AND at >= ?
           AND at < ?
           AND (? IS NULL OR event = ?)
         ORDER BY at DESC, id DESC
         LIMIT 1 OFFSET ?
        """,
        (user_id, since, wanted.until, wanted.event, wanted.event, count),
    )
    return Position(*row) if row else None


def delete_old(tx: Transaction, *, before: int, limit: int) -> int:
    """Remove up to `limit` entries written before then; return how many."""
    keys = tx.all(
        """
        SELECT id
          FROM audit_log
         WHERE at < ?
         ORDER BY at
         LIMIT ?
        """,
        (before, limit),
    )
    return sum(tx.execute("DELETE FROM audit_log WHERE id = ?", key) for key in keys)
