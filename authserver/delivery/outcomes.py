"""What became of an attempt, written down however long that takes.

    nothing was sent     try_again  the database was away before the sender
                                    was asked: due at once, when it is back
                         try_later  after 5, 15, 45 s, then every two minutes
                         give_up    no hope, or no time is left
    perhaps it was sent  try_once_more, if it may be repeated
    it was sent          sent

The database may go away while a mail server takes its time. Then what is known
is known here alone: forgotten, a mail would be sent a second time when its
claim lapses, and a text message that never left would be taken for lost. So an
outcome is kept and offered once a second, until the database takes it or the
worker stops. It may come late: a row that somebody else owns by now is left
alone. `waiting` tells that there are such outcomes; to settle lapsed claims
meanwhile would decide without them.
"""

import logging
import threading
from collections.abc import Callable

from authserver import errors
from authserver.app import App
from authserver.delivery.sender import FateUnknown
from authserver.store import outbox
from authserver.store.database import Transaction
from authserver.store.outbox import Message

RETRY_DELAYS_S = (5, 15, 45, 120)  # after attempt 1, 2, ...; then the last again
RETRY_FOR_S = 600
RECORD_AGAIN_S = 1.0  # an outage has no end that anybody could foresee

log = logging.getLogger(__name__)


class Outcomes:
    """Records for one worker; each method returns once it did, or gave up."""

    def __init__(self, app: App, stopping: threading.Event) -> None:
        self._app = app
        self._stopping = stopping
        self._waiting: set[str] = set()

    @property
    def waiting(self) -> bool:
        """Whether the database has still to take one."""
        return bool(self._waiting)

    def sent(self, message: Message) -> None:
        """Record that a message has left."""
        self._record(message, outbox.update_sent)
        self._count(message, "sent")
        log.info("%s %s sent, attempt %d", message.kind, message.id, message.attempts)

    def try_later(self, message: Message, reason: str) -> None:
        """Queue a message again, if it will then still be of use."""
        self._queue(
            message,
            reason,
            delay_s=RETRY_DELAYS_S[min(message.attempts, len(RETRY_DELAYS_S)) - 1],
        )

    def try_again(self, message: Message, reason: str) -> None:
        """Queue a message that no sender was asked to send."""
        self._queue(message, reason, delay_s=0)

    def try_once_more(self, message: Message, failure: FateUnknown) -> None:
        """Repeat what perhaps was sent, if it may be, and only once."""
        may_repeat = message.channel == "email" or failure.answered
        if message.interrupted or not may_repeat:
            self.give_up(message, f"nobody knows whether it was sent: {failure}")
        else:
            marked = message._replace(last_error=outbox.INTERRUPTED)
            self.try_later(marked, str(failure))

    def give_up(self, message: Message, reason: str) -> None:
        """Record that a message will never be sent."""
        self._record(
            message, lambda tx, m: outbox.update_given_up(tx, m, last_error=reason)
        )
        self._count(message, "given_up")
        log.warning("%s %s given up: %s", message.kind, message.id, reason)

    def _queue(self, message: Message, reason: str, *, delay_s: int) -> None:
        due_at = self._app.now() + delay_s
        if due_at >= min(message.expires_at, message.created_at + RETRY_FOR_S):
            self.give_up(message, f"no time is left after {reason}")
            return
        if message.interrupted:
            reason = f"{outbox.INTERRUPTED}, then {reason}"
        self._record(
            message,
            lambda tx, m: outbox.update_queued(tx, m, due_at=due_at, last_error=reason),
        )
        self._count(message, "put_off")
        log.warning(
            "%s %s not sent, again in %d s: %s",
            message.kind,
            message.id,
            delay_s,
            reason,
        )

    def _count(self, message: Message, outcome: str) -> None:
        self._app.metrics.count("deliveries", message.channel, outcome)

    def _record(
        self, message: Message, update: Callable[[Transaction, Message], bool]
    ) -> None:
        self._waiting.add(message.id)
        try:
            while not self._is_recorded(message, update):
                if self._stopping.wait(RECORD_AGAIN_S):
                    log.error("%s %s: its outcome is lost", message.kind, message.id)
                    return
        finally:
            self._waiting.discard(message.id)

    def _is_recorded(
        self, message: Message, update: Callable[[Transaction, Message], bool]
    ) -> bool:
        try:
            self._app.database.transaction(update, message)
        except errors.Unavailable:
            return False
        return True
