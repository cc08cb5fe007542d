"""The delivery worker: takes due messages from the outbox and sends them.

    loop, woken by `delivery_due` or once a second; reads, and if there is work:
        lapsed claims: mails once more, text messages never
        channels in turns: claim what is due (a text message pays here)
                                        -->  a thread per message, at most 4
                                             word it, send it, record the result

One thread looks and claims; each claimed message has a short-lived thread of
its own. So a mail server that hangs holds up at most `MAX_SENDING` messages for
the 20 s that one may take, then the breaker opens and it holds up none. Idle,
there is a single sleeping thread.

A failed attempt is repeated after 5, 15, 45 s and then every two minutes, for
ten minutes in all or until the message is worthless. One that perhaps sent the
message is repeated once: a mail in any case, a text message only if the service
answered that it failed, never if it was silent. The wording happens here, at
the last moment: a code that was spent or replaced meanwhile is not sent.

The worker never stops for a failure, neither of a message nor of the database.
What became of a message is kept until the database takes it (`outcomes`), and
its thread its place in the lane. `stop` lets conversations end, but not for
ever; one that is cut off leaves a claim that lapses, and the next start takes
it from there.
"""

import logging
import threading
from collections.abc import Mapping
from typing import NamedTuple

from authserver import codes, errors
from authserver.app import App
from authserver.board import Board
from authserver.delivery import claims, wording
from authserver.delivery.breaker import Breaker
from authserver.delivery.console import ConsoleSender
from authserver.delivery.outcomes import Outcomes
from authserver.delivery.sender import FateUnknown, Letter, Refused, Sender, TryLater
from authserver.delivery.sms_budget import Alarm
from authserver.delivery.templates import Templates
from authserver.delivery.wording import Secrets
from authserver.settings import Settings
from authserver.store import one_time_codes, outbox
from authserver.store.outbox import Message

POLL_S = 1.0  # retries become due without anybody setting the event
MAX_SENDING = 4  # per channel at a time; mail servers dislike more from one client
STOP_WAIT_S = 2.0  # a letter takes well under one; stopping ends within ten

log = logging.getLogger(__name__)


class Lane(NamedTuple):
    """A channel, what sends on it, and what limits that."""

    channel: str
    sender: Sender
    breaker: Breaker
    places: threading.Semaphore


class NoSender:
    """Stands for a channel that nothing is configured for."""

    def send(self, letter: Letter) -> None:  # noqa: ARG002 - a Sender like others
        """Refuse every letter."""
        raise Refused("nothing is configured that could send this")


def choose_senders(settings: Settings, board: Board | None = None) -> dict[str, Sender]:
    """Return what sends on each channel under these settings."""
    console = ConsoleSender(board=board)
    email: Sender = console
    sms: Sender = NoSender() if settings.email_configured else console
    # Not above: they load TLS, megabytes that the console does not need.
    if settings.email_configured:
        from authserver.delivery.smtp import SmtpSender

        email = SmtpSender(settings)
    if settings.sms_configured:
        from authserver.delivery.twilio import TwilioSender

        sms = TwilioSender(settings)
    return {"email": email, "sms": sms}


class Worker:
    """Sends the messages of one app from `start` to `stop`."""

    def __init__(self, app: App, senders: Mapping[str, Sender] | None = None) -> None:
        self._app = app
        self._templates = Templates(app.settings.templates_dir)
        chosen = choose_senders(app.settings, app.board) if senders is None else senders
        self._lanes = [
            Lane(channel, sender, Breaker(), threading.Semaphore(MAX_SENDING))
            for channel, sender in chosen.items()
        ]
        self._alarm = Alarm(app.metrics)
        self._stopping = threading.Event()
        self._outcomes = Outcomes(app, self._stopping)
        self._sending: list[threading.Thread] = []
        # Daemons, so that a program that forgets `stop` can still end.
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        """Begin to send, also what an earlier process left behind."""
        self._thread.start()

    def stop(self, *, wait_s: float = STOP_WAIT_S) -> None:
        """Take on no more messages and wait for those that are being sent."""
        self._stopping.set()
        self._app.delivery_due.set()
        until = self._app.monotonic() + wait_s
        if self._thread.is_alive():
            self._thread.join(wait_s)
        self.settle(wait_s=until - self._app.monotonic())

    def settle(self, *, wait_s: float) -> None:
        """Wait for the messages that are being sent."""
        until = self._app.monotonic() + wait_s
        for thread in self._sending:
            thread.join(max(0.0, until - self._app.monotonic()))

    def send_due(self) -> None:
        """Give every message that is due a thread, as far as there is room."""
        app = self._app
        self._sending = [thread for thread in self._sending if thread.is_alive()]
        # On MySQL each transaction writes, if only its id: not every second.
        work, queued = app.database.read(claims.look, now=app.now())
        if queued >= outbox.MAX_QUEUED:
            log.error("the outbox is full: new messages are dropped")
        # What is known of a claim, be it lapsed, has to be written down first.
        if not work or self._outcomes.waiting:
            return
        expired, lost = app.database.transaction(claims.tidy, now=app.now())
        if expired or lost:
            app.metrics.count("unsent", "expired", times=expired)
            app.metrics.count("unsent", "lost", times=lost)
            log.warning("%d messages expired unsent, %d lost in a crash", expired, lost)
        # In turns: a flood on one channel must not hold up the other.
        busy = self._lanes
        while busy and not self._stopping.is_set():
            busy = [lane for lane in busy if self._send_next(lane)]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.send_due()
            except errors.Unavailable as error:
                log.warning("the outbox cannot be worked off now: %s", error.detail)
            except Exception:
                log.exception("the outbox cannot be worked off; trying again")
            self._app.delivery_due.wait(POLL_S)
            self._app.delivery_due.clear()

    def _send_next(self, lane: Lane) -> bool:
        """Claim one message and start its thread; False if there is none.

        One that may not be sent is given up.
        """
        app = self._app
        if not lane.breaker.ready(app.monotonic()):
            return False
        if not lane.places.acquire(blocking=False):
            return False  # whoever ends sets `delivery_due`
        try:
            claimed = app.database.transaction(
                claims.claim_next, lane.channel, settings=app.settings, now=app.now()
            )
        except BaseException:
            lane.places.release()
            raise
        if not isinstance(claimed, Message):
            lane.places.release()
            if claimed is not None:
                self._alarm.sound(claimed)
            return claimed is not None
        thread = threading.Thread(
            target=self._send, args=(lane, claimed), name="delivery-send", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left
            lane.places.release()
            self._outcomes.try_later(claimed, str(error))
            return False
        lane.breaker.attempted(app.monotonic())
        self._sending.append(thread)
        return True

    def _send(self, lane: Lane, message: Message) -> None:
        """Be the thread of one claimed message."""
        try:
            self._attempt(lane, message)
        except Exception:
            # Its claim lapses: after that a mail gets one more attempt.
            log.exception("%s %s broke down", message.kind, message.id)
        finally:
            lane.places.release()
            self._app.delivery_due.set()

    def _attempt(self, lane: Lane, message: Message) -> None:
        try:
            letter = self._word(message)
        except Refused as failure:
            self._outcomes.give_up(message, str(failure))
        except errors.Unavailable as failure:
            reason = f"reading its code: {failure.detail}"
            self._outcomes.try_again(message, reason)
        except OSError as failure:
            reason = f"reading its wording: {failure.strerror}"
            self._outcomes.try_later(message, reason)
        else:
            self._hand_over(lane, message, letter)

    def _hand_over(self, lane: Lane, message: Message, letter: Letter) -> None:
        try:
            lane.sender.send(letter)
        except TryLater as failure:
            if failure.unreachable:
                lane.breaker.failed(self._app.monotonic())
            else:
                lane.breaker.succeeded()
            self._outcomes.try_later(message, str(failure))
        except FateUnknown as failure:
            lane.breaker.failed(self._app.monotonic())
            self._outcomes.try_once_more(message, failure)
        except Refused as failure:
            lane.breaker.succeeded()
            self._outcomes.give_up(message, str(failure))
        else:
            lane.breaker.succeeded()
            self._outcomes.sent(message)

    def _word(self, message: Message) -> Letter:
        app = self._app
        return wording.compose(
            message,
            self._templates,
            public_url=app.settings.public_url,
            site_name=app.settings.own_site_name,
            secrets=self._secrets(message.code_id) if message.code_id else None,
            now=app.now(),
        )

    def _secrets(self, code_id: str) -> Secrets:
        """Derive code and link; `Refused` if they would not work any more."""
        app = self._app
        row = app.database.read(one_time_codes.find_by_id, code_id)
        if row is None or not row.live(now=app.now()):
            raise Refused("its code was spent or replaced, or has expired")
        code_key = app.keyring.derive(codes.CODE_KEY, row.kid)
        link_key = app.keyring.derive(codes.LINK_KEY, row.kid)
        if code_key is None or link_key is None:
            raise Refused("the key of its code is no longer in SECRET_KEY")
        return Secrets(
            codes.otp(code_key, row.purpose, row.id),
            codes.link_token(link_key, row.purpose, row.id),
        )
