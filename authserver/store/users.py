"""Users: the people who proved that a contact is theirs.

A row appears only when a code came back (or, in a closed group, with
REQUIRE_VERIFICATION=false, at once and with no `*_verified_at`). Its id never
changes; user name, e-mail and phone are unique and in canonical form.

`password_version` counts the passwords an account has had. Whoever checked a
password names the version that was checked, so a password that was replaced in
the meantime opens nothing: the conditional UPDATE finds no row.
"""

from typing import NamedTuple

from authserver.store.database import Transaction


class User(NamedTuple):
    """A row of `users`; field names are column names."""

    id: str
    username: str
    email: str | None
    email_verified_at: int | None  # epoch seconds, as every column ending in _at
    phone: str | None
    phone_verified_at: int | None
    password_hash: str
    password_version: int
    roles: str  # words with blanks between
    created_at: int
    last_login_at: int | None = None
    disabled_at: int | None = None


def insert(tx: Transaction, user: User) -> None:
    """Store a new user; a taken name or contact is a `UniqueViolation`."""
    tx.execute(
        """
        INSERT INTO users (id, username, email, email_verified_at, phone,
                           phone_verified_at, password_hash, password_version,
                           roles, created_at, last_login_at, disabled_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            user.id,
            user.username,
            user.email,
            user.email_verified_at,
            user.phone,
            user.phone_verified_at,
            user.password_hash,
            user.password_version,
            user.roles,
            user.created_at,
            user.last_login_at,
            user.disabled_at,
        ),
    )


def find_by_id(tx: Transaction, user_id: str) -> User | None:
    """Return the user with this id."""
    row = tx.one(
        """
        SELECT id, username, email, email_verified_at, phone, phone_verified_at,
               password_hash, password_version, roles, created_at, last_login_at,
               disabled_at
          FROM users
         WHERE id = ?
        """,
        (user_id,),
    )
    return User(*row) if row else None


def find_by_username(tx: Transaction, username: str) -> User | None:
    """Return the user with this name in canonical form."""
    row = tx.one(
        """
        SELECT id, username, email, email_verified_at, phone, phone_verified_at,
               password_hash, password_version, roles, created_at, last_login_at,
               disabled_at
          FROM users
         WHERE username = ?
        """,
        (username,),
    )
    return User(*row) if row else None


def find_by_email(tx: Transaction, email: str) -> User | None:
    """Return the user who holds this e-mail address, proven or not."""
    row = tx.one(
        """
        SELECT id, username, email, email_verified_at, phone, phone_verified_at,
               password_hash, password_version, roles, created_at, last_login_at,
               disabled_at
          FROM users
         WHERE email = ?
        """,
        (email,),
    )
    return User(*row) if row else None


def find_by_phone(tx: Transaction, phone: str) -> User | None:
    """Return the user who holds this phone number, proven or not."""
    row = tx.one(
        """
        SELECT id, username, email, email_verified_at, phone, phone_verified_at,
               password_hash, password_version, roles, created_at, last_login_at,
               disabled_at
          FROM users
         WHERE phone = ?
        """,
        (phone,),
    )
    return User(*row) if row else None


def lock(tx: Transaction, user_id: str, *, password_version: int) -> bool:
    """Lock the row; return False if the password checked is no longer theirs.

    The first statement of every transaction that opens a session, so what
    follows is decided with no other login or reset in between. It changes
    nothing: a write is what locks a row on every engine.
    """
    matched = tx.execute(
        """
        UPDATE users
           SET password_version = password_version
         WHERE id = ?
           AND password_version = ?
           AND disabled_at IS NULL
        """,
        (user_id, password_version),
    )
    return matched == 1


def update_last_login(tx: Transaction, user_id: str, *, now: int) -> None:
    """Note that a session was opened."""
    tx.execute(
        """
        UPDATE users
           SET last_login_at = ?
         WHERE id = ?
        """,
        (now, user_id),
    )


def update_password(
    tx: Transaction, user_id: str, *, password_hash: str, password_version: int
) -> bool:
    """Set a new password if `password_version` is still the current one."""
    matched = tx.execute(
        """
        UPDATE users
           SET password_hash = ?,
               password_version = password_version + 1
         WHERE id = ?
           AND password_version = ?
           AND disabled_at IS NULL
        """,
        (password_hash, user_id, password_version),
    )
    return matched == 1


def update_hash(
    tx: Transaction, user_id: str, *, password_hash: str, password_version: int
) -> None:
    """Store the same password under a stronger hash; its version stays."""
    tx.execute(
        """
        UPDATE users
           SET password_hash = ?
         WHERE id = ?
           AND password_version = ?
        """,
        (password_hash, user_id, password_version),
    )


def update_email(
    tx: Transaction, user_id: str, email: str | None, *, verified_at: int | None
) -> None:
    """Set the e-mail address; one in use is a `UniqueViolation`."""
    tx.execute(
        """
        UPDATE users
           SET email = ?,
               email_verified_at = ?
         WHERE id = ?
        """,
        (email, verified_at, user_id),
    )


def update_phone(
    tx: Transaction, user_id: str, phone: str | None, *, verified_at: int | None
) -> None:
    """Set the phone number; one in use is a `UniqueViolation`."""
    tx.execute(
        """
        UPDATE users
           SET phone = ?,
               phone_verified_at = ?
         WHERE id = ?
        """,
        (phone, verified_at, user_id),
    )
