"""Limits: what has been used up of a budget, as rows.

They are rows and not memory because a restart must not forgive a guesser. The
arithmetic is `ratelimit`'s; a row is where its bucket stands between two tries.
The first word of a name tells what is counted:

    password, code, send    tries of an account, or of a decoy that stands for
                            an unknown one (`flows.budgets`)
    sms                     text messages (`delivery.sms_budget`)
    hourly, daily           what processes share of all other budgets, which are
                            full again after so long (`store.buckets`)
    registering             nothing: a row to wait in line for, so that two who
                            register one contact are counted one after the other

`lock` is called before a row is read: as a write it locks the row, so that two
transactions that both want the last token come one after the other.
"""

from typing import NamedTuple

from authserver.store.database import Transaction

HOUR_S = 3600
HOURLY, DAILY = "hourly", "daily"


class Limit(NamedTuple):
    """A row of `limits`; field names are column names."""

    name: str
    tokens: float
    updated_at: int
    blocked_until: int = 0
    blocks: int = 0


def insert(tx: Transaction, limit: Limit) -> None:
    """Store the budget of a name that had none."""
    tx.execute(
        """
        INSERT INTO limits (name, tokens, updated_at, blocked_until, blocks)
        VALUES (?, ?, ?, ?, ?)
        """,
        (
            limit.name,
            limit.tokens,
            limit.updated_at,
            limit.blocked_until,
            limit.blocks,
        ),
    )


def lock(tx: Transaction, name: str) -> bool:
    """Lock the row of `name` until the transaction ends; False if none."""
    matched = tx.execute(
        """
        UPDATE limits
           SET updated_at = updated_at
         WHERE name = ?
        """,
        (name,),
    )
    return matched == 1


def lock_or_insert(tx: Transaction, fresh: Limit) -> Limit:
    """Return the row of that name, locked; store `fresh` if there is none."""
    if lock(tx, fresh.name):
        row = find_by_name(tx, fresh.name)
        if row is not None:
            return row
    insert(tx, fresh)
    return fresh


def find_by_name(tx: Transaction, name: str) -> Limit | None:
    """Return the budget of `name`."""
    row = tx.one(
        """
        SELECT name, tokens, updated_at, blocked_until, blocks
          FROM limits
         WHERE name = ?
        """,
        (name,),
    )
    return Limit(*row) if row else None


def update(tx: Transaction, limit: Limit) -> None:
    """Store a budget after a try."""
    tx.execute(
        """
        UPDATE limits
           SET tokens = ?,
               updated_at = ?,
               blocked_until = ?,
               blocks = ?
         WHERE name = ?
        """,
        (
            limit.tokens,
            limit.updated_at,
            limit.blocked_until,
            limit.blocks,
            limit.name,
        ),
    )


def delete_by_name(tx: Transaction, name: str) -> None:
    """Forget what `name` has used up."""
    tx.execute(
        """
        DELETE FROM limits
         WHERE name = ?
        """,
        (name,),
    )


def delete_idle(tx: Transaction, *, idle_since: int, limit: int) -> int:
    """Remove up to `limit` rows unused since then; return how many."""
    keys = tx.all(
        """
        SELECT name
          FROM limits
         WHERE updated_at <= ?
         ORDER BY updated_at
         LIMIT ?
        """,
        (idle_since, limit),
    )
    return sum(_delete_if_idle(tx, key, idle_since) for (key,) in keys)


def delete_full_hourly(tx: Transaction, *, now: int, limit: int) -> int:
    """Remove up to `limit` rows that are full after an hour; return how many.

    Strangers can make many of them, so they do not wait for `delete_idle`.
    """
    idle_since = now - HOUR_S
    keys = tx.all(
        """
        SELECT name
          FROM limits
         WHERE name BETWEEN ? AND ?
           AND updated_at <= ?
         LIMIT ?
        """,
        (f"{HOURLY} ", f"{HOURLY} g", idle_since, limit),  # then comes a hex digest
    )
    return sum(_delete_if_idle(tx, key, idle_since) for (key,) in keys)


def _delete_if_idle(tx: Transaction, name: str, idle_since: int) -> int:
    # Asked once more: what was charged since the key was read must stay.
    return tx.execute(
        """
        DELETE FROM limits
         WHERE name = ?
           AND updated_at <= ?
        """,
        (name, idle_since),
    )
