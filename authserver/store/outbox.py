"""The outbox: messages that a transaction decided on and a worker will send.

    queued --claim--> sending --sent---------------------------> sent
      ^                  |----no hope, expired, fate unknown---> given_up
      +----try later-----+

The flow writes the row in its own transaction, so a message exists exactly if
its reason does, and no request ever waits for a mail server. A row holds no
secret: `code_id` names the row from which whoever sends it derives the code.

`claim` is one conditional UPDATE, so each attempt has one owner however many
workers look. The attempt is counted before it is made: a message that crashes
its sender does not do so for ever.

While a message is `sending`, `due_at` is when its claim lapses. A claim that
lapsed belongs to a process that died, and nobody knows whether the message
left. A mail may then be sent once more, and the mark `INTERRUPTED` sees to the
"once"; a text message, which costs money, may not. (It may where the service
answered that it failed: see `delivery.worker`.)

At most `MAX_QUEUED` rows wait. What comes on top is dropped: a mail server that
is away for hours must not fill the disk, and the codes would be stale anyway.
"""

from typing import NamedTuple

from authserver.store.database import Transaction

MAX_QUEUED = 10_000
INTERRUPTED = "interrupted"  # how `last_error` begins after a lost attempt


class Message(NamedTuple):
    """A row of `outbox`; field names are column names."""

    id: str  # UUIDv7
    kind: str  # names the wording: verify_code, password_changed, ...
    channel: str  # email or sms
    recipient: str  # one canonical address or number
    username: str  # named in the message
    code_id: str | None  # None: a notice
    created_at: int
    expires_at: int  # from then on it is worthless
    due_at: int
    attempts: int = 0
    status: str = "queued"  # queued, sending, sent, given_up
    last_error: str | None = None  # for the operator
    language: str = "en"  # that it is worded in

    @property
    def interrupted(self) -> bool:
        """Whether an earlier attempt may have sent it."""
        return (self.last_error or "").startswith(INTERRUPTED)


def insert(tx: Transaction, message: Message) -> bool:
    """Queue a message; False if the outbox is full and it was dropped."""
    inserted = tx.execute(
        """
        INSERT INTO outbox (id, kind, channel, recipient, username, code_id,
                            created_at, expires_at, due_at, language, attempts,
                            status)
        SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'queued'
         WHERE (SELECT COUNT(*) FROM outbox WHERE status = 'queued') < ?
        """,
        (
            message.id,
            message.kind,
            message.channel,
            message.recipient,
            message.username,
            message.code_id,
            message.created_at,
            message.expires_at,
            message.due_at,
            message.language,
            MAX_QUEUED,
        ),
    )
    return inserted == 1


def find_by_id(tx: Transaction, message_id: str) -> Message | None:
    """Return the message with this id."""
    row = tx.one(
        """
        SELECT id, kind, channel, recipient, username, code_id, created_at,
               expires_at, due_at, attempts, status, last_error, language
          FROM outbox
         WHERE id = ?
        """,
        (message_id,),
    )
    return Message(*row) if row else None


def find_by_channel(tx: Transaction, channel: str, *, now: int) -> Message | None:
    """Return the message of `channel` that is due for the longest time."""
    row = tx.one(
        """
        SELECT id, kind, channel, recipient, username, code_id, created_at,
               expires_at, due_at, attempts, status, last_error, language
          FROM outbox
         WHERE status = 'queued'
           AND due_at <= ?
           AND expires_at > ?
           AND channel = ?
         ORDER BY due_at, id
         LIMIT 1
        """,
        (now, now, channel),
    )
    return Message(*row) if row else None


def count_by_status(tx: Transaction, status: str) -> int:
    """Return how many messages are in `status`."""
    row = tx.one("SELECT COUNT(*) FROM outbox WHERE status = ?", (status,))
    return row[0] if row else 0


def count_unsent(tx: Transaction) -> dict[str, int]:
    """Return how many messages are queued and how many are being sent."""
    rows = tx.all(
        """
        SELECT status, COUNT(*)
          FROM outbox
         WHERE status IN ('queued', 'sending')
         GROUP BY status
        """
    )
    return {"queued": 0, "sending": 0} | dict(rows)


def has_work(tx: Transaction, *, now: int) -> bool:
    """Tell whether a message is due, has expired, or lost its sender."""
    row = tx.one(
        """
        SELECT EXISTS (SELECT 1
                         FROM outbox
                        WHERE status IN ('queued', 'sending')
                          AND due_at <= ?)
            OR EXISTS (SELECT 1
                         FROM outbox
                        WHERE status = 'queued'
                          AND expires_at <= ?)
        """,
        (now, now),
    )
    return bool(row and row[0])


def claim(tx: Transaction, message: Message, *, now: int, lapses_at: int) -> bool:
    """Count an attempt and own it until `lapses_at`; True for one caller."""
    matched = tx.execute(
        """
        UPDATE outbox
           SET status = 'sending',
               attempts = attempts + 1,
               due_at = ?
         WHERE id = ?
           AND status = 'queued'
           AND due_at <= ?
           AND expires_at > ?
        """,
        (lapses_at, message.id, now, now),
    )
    return matched == 1


def update_sent(tx: Transaction, claimed: Message) -> bool:
    """Record that a claimed message has left."""
    matched = tx.execute(
        """
        UPDATE outbox
           SET status = 'sent'
         WHERE id = ?
           AND status = 'sending'
           AND attempts = ?
        """,
        (claimed.id, claimed.attempts),
    )
    return matched == 1


def update_queued(
    tx: Transaction, claimed: Message, *, due_at: int, last_error: str
) -> bool:
    """Put a claimed message back for another attempt at `due_at`."""
    matched = tx.execute(
        """
        UPDATE outbox
           SET status = 'queued',
               due_at = ?,
               last_error = ?
         WHERE id = ?
           AND status = 'sending'
           AND attempts = ?
        """,
        (due_at, last_error, claimed.id, claimed.attempts),
    )
    return matched == 1


def update_given_up(tx: Transaction, claimed: Message, *, last_error: str) -> bool:
    """Record that a claimed message will never be sent, and why."""
    matched = tx.execute(
        """
        UPDATE outbox
           SET status = 'given_up',
               last_error = ?
         WHERE id = ?
           AND status = 'sending'
           AND attempts = ?
        """,
        (last_error, claimed.id, claimed.attempts),
    )
    return matched == 1


def update_expired(tx: Transaction, *, now: int) -> int:
    """Give up what waited until it was worthless; return how many."""
    return tx.execute(
        """
        UPDATE outbox
           SET status = 'given_up',
               last_error = 'expired'
         WHERE status = 'queued'
           AND expires_at <= ?
        """,
        (now,),
    )


def update_interrupted(tx: Transaction, *, now: int) -> int:
    """Queue mails whose sender died, unless that happened before."""
    return tx.execute(
        """
        UPDATE outbox
           SET status = 'queued',
               due_at = ?,
               last_error = ?
         WHERE status = 'sending'
           AND due_at <= ?
           AND channel = 'email'
           AND (last_error IS NULL OR last_error NOT LIKE ?)
        """,
        (now, INTERRUPTED, now, INTERRUPTED + "%"),
    )


def update_lost(tx: Transaction, *, now: int) -> int:
    """Give up every other message whose sender died; return how many."""
    return tx.execute(
        """
        UPDATE outbox
           SET status = 'given_up',
               last_error = 'nobody knows whether it was sent'
         WHERE status = 'sending'
           AND due_at <= ?
        """,
        (now,),
    )


def delete_old(tx: Transaction, *, created_before: int, limit: int) -> int:
    """Remove up to `limit` finished messages; return how many.

    Nothing is due before it is created, and `due_at` has the index.
    """
    keys = tx.all(
        """
        SELECT id
          FROM outbox
         WHERE status IN ('sent', 'given_up')
           AND due_at < ?
         LIMIT ?
        """,
        (created_before, limit),
    )
    return sum(tx.execute("DELETE FROM outbox WHERE id = ?", key) for key in keys)
