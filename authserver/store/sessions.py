"""Sessions: one row per login, the authority on who is still logged in.

Every request of a logged-in person reads its row, so a logout, a reset or the
end of a session in the device list acts at once, on bearer tokens as well. The
session cookie is an opaque random value; the row has its SHA-256 digest.

A session ends in one of three ways: it is revoked, it reaches `expires_at` (its
absolute life, which nothing extends), or it was not used for the idle time.
"""

from typing import NamedTuple

from authserver.store.database import Row, Transaction
from authserver.store.users import User


class Session(NamedTuple):
    """A row of `sessions`; field names are column names."""

    id: str
    user_id: str
    token_digest: str
    created_at: int
    last_seen_at: int  # to within ten minutes, see flows.authenticate
    expires_at: int
    address: str
    user_agent: str
    amr: str  # how the person proved to be one: words with blanks between
    revoked_at: int | None = None
    revoked_for: str | None = None

    def live(self, *, now: int, idle_s: int) -> bool:
        """Tell whether it still stands for its user."""
        in_time = now < self.expires_at and now < self.last_seen_at + idle_s
        return self.revoked_at is None and in_time


SessionOf = tuple[Session, User]


def insert(tx: Transaction, session: Session) -> None:
    """Store a new session."""
    tx.execute(
        """
        INSERT INTO sessions (id, user_id, token_digest, created_at, last_seen_at,
                              expires_at, address, user_agent, amr)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            session.id,
            session.user_id,
            session.token_digest,
            session.created_at,
            session.last_seen_at,
            session.expires_at,
            session.address,
            session.user_agent,
            session.amr,
        ),
    )


def find_by_id(tx: Transaction, session_id: str) -> Session | None:
    """Return the session with this id, live or not."""
    row = tx.one(
        """
        SELECT id, user_id, token_digest, created_at, last_seen_at, expires_at,
               address, user_agent, amr, revoked_at, revoked_for
          FROM sessions
         WHERE id = ?
        """,
        (session_id,),
    )
    return Session(*row) if row else None


def find_by_token_digest(tx: Transaction, token_digest: str) -> Session | None:
    """Return the session whose cookie has this digest, live or not."""
    row = tx.one(
        """
        SELECT id, user_id, token_digest, created_at, last_seen_at, expires_at,
               address, user_agent, amr, revoked_at, revoked_for
          FROM sessions
         WHERE token_digest = ?
        """,
        (token_digest,),
    )
    return Session(*row) if row else None


def find_with_user_by_id(tx: Transaction, session_id: str) -> SessionOf | None:
    """Return the session with this id, live or not, and whose it is."""
    row = tx.one(
        """
        SELECT s.id, s.user_id, s.token_digest, s.created_at, s.last_seen_at,
               s.expires_at, s.address, s.user_agent, s.amr, s.revoked_at,
               s.revoked_for,
               u.id, u.username, u.email, u.email_verified_at, u.phone,
               u.phone_verified_at, u.password_hash, u.password_version, u.roles,
               u.created_at, u.last_login_at, u.disabled_at
          FROM sessions AS s
          JOIN users AS u ON u.id = s.user_id
         WHERE s.id = ?
        """,
        (session_id,),
    )
    return _session_of(row) if row else None


def find_with_user_by_token_digest(
    tx: Transaction, token_digest: str
) -> SessionOf | None:
    """Return the session whose cookie has this digest, and whose it is."""
    row = tx.one(
        """
        SELECT s.id, s.user_id, s.token_digest, s.created_at, s.last_seen_at,
               s.expires_at, s.address, s.user_agent, s.amr, s.revoked_at,
               s.revoked_for,
               u.id, u.username, u.email, u.email_verified_at, u.phone,
               u.phone_verified_at, u.password_hash, u.password_version, u.roles,
               u.created_at, u.last_login_at, u.disabled_at
          FROM sessions AS s
          JOIN users AS u ON u.id = s.user_id
         WHERE s.token_digest = ?
        """,
        (token_digest,),
    )
    return _session_of(row) if row else None


def find_with_user_by_refresh_token(tx: Transaction, digest: str) -> SessionOf | None:
    """Return the session that a refresh token was made for, and whose it is."""
    row = tx.one(
        """
        SELECT s.id, s.user_id, s.token_digest, s.created_at, s.last_seen_at,
               s.expires_at, s.address, s.user_agent, s.amr, s.revoked_at,
               s.revoked_for,
               u.id, u.username, u.email, u.email_verified_at, u.phone,
               u.phone_verified_at, u.password_hash, u.password_version, u.roles,
               u.created_at, u.last_login_at, u.disabled_at
          FROM refresh_tokens AS r
          JOIN sessions AS s ON s.id = r.session_id
          JOIN users AS u ON u.id = s.user_id
         WHERE r.digest = ?
        """,
        (digest,),
    )
    return _session_of(row) if row else None


def list_live_by_user(
    tx: Transaction, user_id: str, *, now: int, idle_s: int
) -> list[Session]:
    """Return the user's live sessions, newest first."""
    rows = tx.all(
        """
        SELECT id, user_id, token_digest, created_at, last_seen_at, expires_at,
               address, user_agent, amr, revoked_at, revoked_for
          FROM sessions
         WHERE user_id = ?
           AND revoked_at IS NULL
           AND expires_at > ?
           AND last_seen_at > ?
         ORDER BY created_at DESC, id DESC
        """,
        (user_id, now, now - idle_s),
    )
    return [Session(*row) for row in rows]


def update_last_seen(tx: Transaction, session_id: str, *, now: int) -> None:
    """Note that the session is in use."""
    tx.execute(
        """
        UPDATE sessions
           SET last_seen_at = ?
         WHERE id = ?
           AND last_seen_at < ?
        """,
        (now, session_id, now),
    )


def revoke(tx: Transaction, session_id: str, *, reason: str, now: int) -> bool:
    """End a session; return whether we did it."""
    matched = tx.execute(
        """
        UPDATE sessions
           SET revoked_at = ?,
               revoked_for = ?
         WHERE id = ?
           AND revoked_at IS NULL
        """,
        (now, reason, session_id),
    )
    return matched == 1


def revoke_by_user(
    tx: Transaction, user_id: str, *, keep: str | None = None, reason: str, now: int
) -> int:
    """End all sessions of a user except the one with id `keep`."""
    return tx.execute(
        """
        UPDATE sessions
           SET revoked_at = ?,
               revoked_for = ?
         WHERE user_id = ?
           AND id <> ?
           AND revoked_at IS NULL
        """,
        (now, reason, user_id, keep or ""),
    )


def delete_expired(tx: Transaction, *, now: int, limit: int) -> int:
    """Remove up to `limit` expired rows no refresh token points to."""
    keys = tx.all(
        """
        SELECT s.id
          FROM sessions AS s
         WHERE s.expires_at <= ?
           AND NOT EXISTS (SELECT r.digest
                             FROM refresh_tokens AS r
                            WHERE r.session_id = s.id)
         ORDER BY s.expires_at
         LIMIT ?
        """,
        (now, limit),
    )
    return sum(tx.execute("DELETE FROM sessions WHERE id = ?", key) for key in keys)


def _session_of(row: Row) -> SessionOf:
    width = len(Session._fields)
    return Session(*row[:width]), User(*row[width:])
