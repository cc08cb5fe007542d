"""One-time codes and link tokens: a row each, and no code in any of them.

    issued --wrong guess--> attempts_left - 1 --...--> 0: no digits open it
      |
      +--right code or link--> spent_at, once

The digits and the link are derived from the row's random id (see `codes`), so
reading this table gives nobody a code. For one subject, purpose and contact
there is one row: asking again sends the same code again, and a stale row is
given a new id in place.

`claim` takes one of the attempts before a guess is compared, and a right guess
gets it back; `spend` is the one
statement that makes a proof count. Link tokens and grants are 256 bits and skip
`claim`: nobody can use up a link by guessing digits.
"""

from typing import NamedTuple

from authserver.store.database import Transaction


class OneTimeCode(NamedTuple):
    """A row of `one_time_codes`; field names are column names."""

    id: str  # 128 random bits, the secret is derived from it under a key
    purpose: str  # verify, login, reset, grant
    subject_id: str  # of a user or a registration
    contact: str
    channel: str
    kid: str
    created_at: int
    expires_at: int
    attempts_left: int
    spent_at: int | None = None
    spent_by: str | None = None

    def live(self, *, now: int) -> bool:
        """Tell whether the right link would still be accepted."""
        return self.spent_at is None and now < self.expires_at


def insert(tx: Transaction, code: OneTimeCode) -> None:
    """Store a code; a second one for its subject is a `UniqueViolation`."""
    tx.execute(
        """
        INSERT INTO one_time_codes (id, purpose, subject_id, contact, channel, kid,
                                    created_at, expires_at, attempts_left)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            code.id,
            code.purpose,
            code.subject_id,
            code.contact,
            code.channel,
            code.kid,
            code.created_at,
            code.expires_at,
            code.attempts_left,
        ),
    )


def update_stale(tx: Transaction, code: OneTimeCode, *, expiring_by: int) -> bool:
    """Put `code` in the place of its predecessor if that one is of no more use.

    Of no more use: spent, no attempts left, or expiring by the time given.
    """
    matched = tx.execute(
        """
        UPDATE one_time_codes
           SET id = ?,
               channel = ?,
               kid = ?,
               created_at = ?,
               expires_at = ?,
               attempts_left = ?,
               spent_at = NULL,
               spent_by = NULL
         WHERE subject_id = ?
           AND purpose = ?
           AND contact = ?
           AND (spent_at IS NOT NULL OR attempts_left <= 0 OR expires_at <= ?)
        """,
        (
            code.id,
            code.channel,
            code.kid,
            code.created_at,
            code.expires_at,
            code.attempts_left,
            code.subject_id,
            code.purpose,
            code.contact,
            expiring_by,
        ),
    )
    return matched == 1


def find_by_id(tx: Transaction, code_id: str) -> OneTimeCode | None:
    """Return the row with this id, live or not."""
    row = tx.one(
        """
        SELECT id, purpose, subject_id, contact, channel, kid, created_at, expires_at,
               attempts_left, spent_at, spent_by
          FROM one_time_codes
         WHERE id = ?
        """,
        (code_id,),
    )
    return OneTimeCode(*row) if row else None


def find_by_subject(
    tx: Transaction, subject_id: str, *, purpose: str, contact: str
) -> OneTimeCode | None:
    """Return the code of a subject for one purpose and contact, live or not."""
    row = tx.one(
        """
        SELECT id, purpose, subject_id, contact, channel, kid, created_at, expires_at,
               attempts_left, spent_at, spent_by
          FROM one_time_codes
         WHERE subject_id = ?
           AND purpose = ?
           AND contact = ?
        """,
        (subject_id, purpose, contact),
    )
    return OneTimeCode(*row) if row else None


def claim(tx: Transaction, code_id: str, *, now: int) -> bool:
    """Take one attempt at a live code; return whether there was one left."""
    matched = tx.execute(
        """
        UPDATE one_time_codes
           SET attempts_left = attempts_left - 1
         WHERE id = ?
           AND attempts_left > 0
           AND spent_at IS NULL
           AND expires_at > ?
        """,
        (code_id, now),
    )
    return matched == 1


def update_unclaimed(tx: Transaction, code_id: str) -> None:
    """Give back the attempt that `claim` took: the guess was right."""
    tx.execute(
        """
        UPDATE one_time_codes
           SET attempts_left = attempts_left + 1
         WHERE id = ?
        """,
        (code_id,),
    )


def spend(tx: Transaction, code: OneTimeCode, *, now: int, operation_id: str) -> bool:
    """Use up a live code for its purpose; True for one caller only."""
    matched = tx.execute(
        """
        UPDATE one_time_codes
           SET spent_at = ?,
               spent_by = ?
         WHERE id = ?
           AND purpose = ?
           AND subject_id = ?
           AND spent_at IS NULL
           AND expires_at > ?
        """,
        (now, operation_id, code.id, code.purpose, code.subject_id, now),
    )
    return matched == 1


def delete_by_subject(tx: Transaction, subject_id: str) -> int:
    """Remove all codes of a user or registration; none of them works again."""
    return tx.execute(
        """
        DELETE FROM one_time_codes
         WHERE subject_id = ?
        """,
        (subject_id,),
    )


def delete_by_purpose(tx: Transaction, subject_id: str, *, purpose: str) -> int:
    """Remove a subject's codes for one purpose."""
    return tx.execute(
        """
        DELETE FROM one_time_codes
         WHERE subject_id = ?
           AND purpose = ?
        """,
        (subject_id, purpose),
    )


def delete_by_contact(tx: Transaction, subject_id: str, *, contact: str) -> int:
    """Remove a subject's codes that went to one contact."""
    return tx.execute(
        """
        DELETE FROM one_time_codes
         WHERE subject_id = ?
           AND contact = ?
        """,
        (subject_id, contact),
    )


def delete_expired(tx: Transaction, *, now: int, limit: int) -> int:
    """Remove up to `limit` expired rows; return how many."""
    keys = tx.all(
        """
        SELECT id
          FROM one_time_codes
         WHERE expires_at <= ?
         ORDER BY expires_at
         LIMIT ?
        """,
        (now, limit),
    )
    return sum(
        tx.execute("DELETE FROM one_time_codes WHERE id = ?", key) for key in keys
    )
