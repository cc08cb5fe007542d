"""Known addresses: from where an account was logged in during the last 30 days.

They have guess budgets of their own. Without that, a stranger could lock an
owner out by guessing wrong on purpose: the account's common budget would be
empty for everybody.
"""

from authserver.store.database import Transaction

KNOWN_FOR_S = 30 * 86400  # long enough for a monthly visitor


def insert(tx: Transaction, user_id: str, address: str, *, now: int) -> None:
    """Store a network that just logged the user in for the first time."""
    tx.execute(
        """
        INSERT INTO known_addresses (user_id, address, last_login_at)
        VALUES (?, ?, ?)
        """,
        (user_id, address, now),
    )


def update_last_login(tx: Transaction, user_id: str, address: str, *, now: int) -> bool:
    """Note another login from a known network; False if it is new."""
    matched = tx.execute(
        """
        UPDATE known_addresses
           SET last_login_at = ?
         WHERE user_id = ?
           AND address = ?
        """,
        (now, user_id, address),
    )
    return matched == 1


def find_last_login(tx: Transaction, user_id: str, address: str) -> int | None:
    """Return when this network last logged the user in."""
    row = tx.one(
        """
        SELECT last_login_at
          FROM known_addresses
         WHERE user_id = ?
           AND address = ?
        """,
        (user_id, address),
    )
    return int(row[0]) if row else None


def delete_expired(tx: Transaction, *, now: int, limit: int) -> int:
    """Remove up to `limit` networks not seen for 30 days; return how many."""
    idle_since = now - KNOWN_FOR_S
    keys = tx.all(
        """
        SELECT user_id, address
          FROM known_addresses
         WHERE last_login_at <= ?
         ORDER BY last_login_at
         LIMIT ?
        """,
        (idle_since, limit),
    )
    return sum(_delete_idle(tx, *key, idle_since=idle_since) for key in keys)


def _delete_idle(
    tx: Transaction, user_id: str, address: str, *, idle_since: int
) -> int:
    # Asked once more: its owner may have logged in since the key was read.
    return tx.execute(
        """
        DELETE FROM known_addresses
         WHERE user_id = ?
           AND address = ?
           AND last_login_at <= ?
        """,
        (user_id, address, idle_since),
    )
