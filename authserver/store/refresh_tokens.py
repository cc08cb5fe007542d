"""Refresh tokens: one row per token ever handed out, each spent at most once.

    token 1 --spent, nonce a--> token 2 --spent, nonce b--> token 3
                          HMAC(key, token 1, a)       HMAC(key, token 2, b)

A row holds the SHA-256 digest of a token, never the token, so a stolen backup
cannot be replayed. The successor of a token is derived from the token and a
nonce that is drawn when it is spent: whoever holds the spent token can be given
the same successor again, but the database alone cannot make one.

Spent rows outlive their use on purpose: a token that arrives a second time has
two holders, one of them perhaps a thief, and the row is the evidence (RFC 9700
section 4.14.2).
"""

from typing import NamedTuple

from authserver.store.database import Transaction


class RefreshToken(NamedTuple):
    """A row of `refresh_tokens`; field names are column names."""

    digest: str  # SHA-256, 64 hex digits
    session_id: str
    expires_at: int
    kid: str | None = None  # this and below: set when it is spent
    nonce: str | None = None
    spent_at: int | None = None
    spent_by: str | None = None
    spent_from: str | None = None


class Spending(NamedTuple):
    """What is written into a row when its token is exchanged."""

    kid: str
    nonce: str
    spent_at: int
    spent_by: str  # operation id, to recognise our own win after a lost commit
    spent_from: str  # neighbourhood, see `flows.places`


def insert(tx: Transaction, token: RefreshToken) -> None:
    """Store a fresh, unspent token."""
    tx.execute(
        """
        INSERT INTO refresh_tokens (digest, session_id, expires_at)
        VALUES (?, ?, ?)
        """,
        (token.digest, token.session_id, token.expires_at),
    )


def find_by_digest(tx: Transaction, digest: str) -> RefreshToken | None:
    """Return the row of the token with this digest, spent or not."""
    row = tx.one(
        """
        SELECT digest, session_id, expires_at, kid, nonce, spent_at, spent_by,
               spent_from
          FROM refresh_tokens
         WHERE digest = ?
        """,
        (digest,),
    )
    return RefreshToken(*row) if row else None


def spend(tx: Transaction, digest: str, spending: Spending, *, idle_s: int) -> bool:
    """Mark a live token of a live session as spent; return whether we did it.

    Two requests may bring the same token at the same moment. Test and write are
    one statement, so the database lets exactly one of them match a row. (EXISTS
    looks at the one session; for IN, SQLite would first gather all live ones.)
    """
    now = spending.spent_at
    matched = tx.execute(
        """
        UPDATE refresh_tokens
           SET kid = ?,
               nonce = ?,
               spent_at = ?,
               spent_by = ?,
               spent_from = ?
         WHERE digest = ?
           AND spent_at IS NULL
           AND expires_at > ?
           AND EXISTS (SELECT s.id
                         FROM sessions AS s
                         JOIN users AS u ON u.id = s.user_id
                        WHERE s.id = refresh_tokens.session_id
                          AND s.revoked_at IS NULL
                          AND s.expires_at > ?
                          AND s.last_seen_at > ?
                          AND u.disabled_at IS NULL)
        """,
        (
            spending.kid,
            spending.nonce,
            spending.spent_at,
            spending.spent_by,
            spending.spent_from,
            digest,
            now,
            now,
            now - idle_s,
        ),
    )
    return matched == 1


def delete_expired(tx: Transaction, *, now: int, limit: int) -> int:
    """Remove up to `limit` expired rows; return how many."""
    keys = tx.all(
        """
        SELECT digest
          FROM refresh_tokens
         WHERE expires_at <= ?
         ORDER BY expires_at
         LIMIT ?
        """,
        (now, limit),
    )
    return sum(
        tx.execute("DELETE FROM refresh_tokens WHERE digest = ?", key) for key in keys
    )
