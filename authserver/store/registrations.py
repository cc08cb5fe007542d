"""Registrations: people who want an account and have proven nothing yet.

A row lives for an hour and reserves nothing: neither user name nor contact.
Once a contact is proven the row becomes a user with the same id and is deleted.
What keeps a stranger from filling the table are the counts below, per contact
and per network.
"""

from typing import NamedTuple

from authserver.store.database import Transaction


class Registration(NamedTuple):
    """A row of `registrations`; field names are column names."""

    id: str
    username: str
    email: str | None
    phone: str | None
    password_hash: str
    address: str  # the network it came from
    created_at: int
    expires_at: int


class Live(NamedTuple):
    """How many live rows there are, and when the first of them expires."""

    rows: int
    first_expires_at: int | None


def insert(tx: Transaction, registration: Registration) -> None:
    """Store a registration."""
    tx.execute(
        """
        INSERT INTO registrations (id, username, email, phone, password_hash,
                                   address, created_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            registration.id,
            registration.username,
            registration.email,
            registration.phone,
            registration.password_hash,
            registration.address,
            registration.created_at,
            registration.expires_at,
        ),
    )


def find_by_id(
    tx: Transaction, registration_id: str, *, now: int
) -> Registration | None:
    """Return the live registration with this id."""
    row = tx.one(
        """
        SELECT id, username, email, phone, password_hash, address, created_at,
               expires_at
          FROM registrations
         WHERE id = ?
           AND expires_at > ?
        """,
        (registration_id, now),
    )
    return Registration(*row) if row else None


def list_by_username(
    tx: Transaction, username: str, *, first: str, now: int
) -> list[Registration]:
    """Return the live registrations under this name, newest first.

    Those from the network `first` come before all others: there may be more
    than five, as many as strangers care to make.
    """
    rows = tx.all(
        """
        SELECT id, username, email, phone, password_hash, address, created_at,
               expires_at
          FROM registrations
         WHERE username = ?
           AND expires_at > ?
         ORDER BY CASE address WHEN ? THEN 0 ELSE 1 END, created_at DESC, id DESC
         LIMIT 5
        """,
        (username, now, first),
    )
    return [Registration(*row) for row in rows]


def list_by_email(tx: Transaction, email: str, *, now: int) -> list[Registration]:
    """Return the live registrations with this address, newest first."""
    rows = tx.all(
        """
        SELECT id, username, email, phone, password_hash, address, created_at,
               expires_at
          FROM registrations
         WHERE email = ?
           AND expires_at > ?
         ORDER BY created_at DESC, id DESC
         LIMIT 5
        """,
        (email, now),
    )
    return [Registration(*row) for row in rows]


def list_by_phone(tx: Transaction, phone: str, *, now: int) -> list[Registration]:
    """Return the live registrations with this number, newest first."""
    rows = tx.all(
        """
        SELECT id, username, email, phone, password_hash, address, created_at,
               expires_at
          FROM registrations
         WHERE phone = ?
           AND expires_at > ?
         ORDER BY created_at DESC, id DESC
         LIMIT 5
        """,
        (phone, now),
    )
    return [Registration(*row) for row in rows]


def count_by_address(tx: Transaction, address: str, *, now: int) -> Live:
    """Count the live registrations that came from this network."""
    row = tx.one(
        """
        SELECT COUNT(*), MIN(expires_at)
          FROM registrations
         WHERE address = ?
           AND expires_at > ?
        """,
        (address, now),
    )
    return Live(*row) if row else Live(0, None)


def delete_by_id(tx: Transaction, registration_id: str) -> None:
    """Remove a registration, if it is there."""
    tx.execute(
        """
        DELETE FROM registrations
         WHERE id = ?
        """,
        (registration_id,),
    )


def delete_expired(tx: Transaction, *, now: int, limit: int) -> int:
    """Remove up to `limit` expired rows; return how many."""
    keys = tx.all(
        """
        SELECT id
          FROM registrations
         WHERE expires_at <= ?
         ORDER BY expires_at
         LIMIT ?
        """,
        (now, limit),
    )
    return sum(
        tx.execute("DELETE FROM registrations WHERE id = ?", key) for key in keys
    )
