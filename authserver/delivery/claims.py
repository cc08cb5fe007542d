"""The delivery worker's transactions: what it settles, and what it takes on.

A message is claimed by one conditional UPDATE, so that each attempt has one
owner. In the same transaction a text message pays (`sms_budget`); one that may
not be sent is given up there, and nobody ever holds it.
"""

from authserver.delivery import sms_budget
from authserver.delivery.sms_budget import Refusal
from authserver.settings import Settings
from authserver.store import outbox
from authserver.store.database import Transaction
from authserver.store.outbox import Message

LAPSE_S = 120  # well above the 20 s of a conversation and a slow name server


def look(tx: Transaction, *, now: int) -> tuple[bool, int]:
    """Tell whether there is anything to do, and how many messages wait."""
    return outbox.has_work(tx, now=now), outbox.count_by_status(tx, "queued")


def tidy(tx: Transaction, *, now: int) -> tuple[int, int]:
    """Settle what no sender will report on.

    Returns how many messages expired unsent, and were lost in a crash.
    """
    outbox.update_interrupted(tx, now=now)
    lost = outbox.update_lost(tx, now=now)
    return outbox.update_expired(tx, now=now), lost


def claim_next(
    tx: Transaction, channel: str, *, settings: Settings, now: int
) -> Message | Refusal | None:
    """Claim the message that is due for the longest time.

    A refusal tells that it was given up instead; None, that there was none.
    """
    due = outbox.find_by_channel(tx, channel, now=now)
    lapses_at = now + LAPSE_S
    if due is None or not outbox.claim(tx, due, now=now, lapses_at=lapses_at):
        return None
    message = due._replace(
        status="sending", attempts=due.attempts + 1, due_at=lapses_at
    )
    paid = message.attempts > 1 and not message.interrupted  # else it may cost anew
    if channel != "sms" or paid:
        return message
    refusal = sms_budget.charge(tx, message.recipient, settings=settings, now=now)
    if refusal is None:
        return message
    outbox.update_given_up(tx, message, last_error=refusal.reason)
    return refusal
