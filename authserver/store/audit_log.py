"""The audit log: who did what, when, from where, and how it ended.

A row is written in the same transaction as what it tells of, so it is there
exactly if that happened. It never holds a secret: no password, code or token,
only the canonical form of the identifier that was typed.
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


def list_by_user(tx: Transaction, user_id: str, *, limit: int) -> list[Entry]:
    """Return the user's latest entries, newest first."""
    rows = tx.all(
        """
        SELECT id, at, event, outcome, user_id, identifier, address, user_agent,
               request_id
          FROM audit_log
         WHERE user_id = ?
         ORDER BY at DESC, id DESC
         LIMIT ?
        """,
        (user_id, limit),
    )
    return [Entry(*row) for row in rows]


def delete_old(tx: Transaction, *, before: int, limit: int) -> int:
    """Remove up to `limit` entries written before then; return how many."""
    return tx.execute(
        """
        DELETE FROM audit_log
         WHERE id IN (SELECT x.id
                        FROM (SELECT id
                                FROM audit_log
                               WHERE at < ?
                               LIMIT ?) AS x)
        """,
        (before, limit),
    )
