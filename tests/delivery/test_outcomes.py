"""What became of a message is not forgotten while the database is away."""

import threading
from collections.abc import Callable

import pytest

from authserver import errors
from authserver.app import App
from authserver.delivery import outcomes
from authserver.delivery.claims import LAPSE_S
from authserver.delivery.sender import Letter, Refused, TryLater
from authserver.delivery.worker import Worker
from authserver.store import one_time_codes, outbox
from authserver.store.outbox import Message
from tests.processes import wait_until

NUMBER = "+4915112345678"


class Away:
    """The app's database, which goes away for the threads that send."""

    def __init__(self, app: App) -> None:
        self._real = app.database
        self.begins_at: object = None  # the function with which it does
        self.failures = 0
        self.refused = 0

    def transaction(self, function, *args, **kwargs):
        self._fail(function)
        return self._real.transaction(function, *args, **kwargs)

    def read(self, function, *args, **kwargs):
        self._fail(function)
        return self._real.read(function, *args, **kwargs)

    def _fail(self, function) -> None:
        if function is self.begins_at:
            self.begins_at, self.failures = None, 3
        if self.failures and threading.current_thread().name == "delivery-send":
            self.failures -= 1
            self.refused += 1
            raise errors.Unavailable("nobody answers")


class Outage:
    """A sender in whose hands each letter is when the database goes away."""

    def __init__(self, database: Away, failures: int = 3) -> None:
        self.letters: list[Letter] = []
        self.outcome: Exception | None = None
        self._database = database
        self._failures = failures

    def send(self, letter: Letter) -> None:
        self.letters.append(letter)
        self._database.failures = self._failures
        if self.outcome:
            raise self.outcome


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(outcomes, "RECORD_AGAIN_S", 0.01)


@pytest.fixture
def away(app) -> Away:
    return Away(app)


@pytest.fixture
def sender(away) -> Outage:
    return Outage(away)


@pytest.fixture
def worker(app, away, sender) -> Worker:
    both = {"email": sender, "sms": sender}
    return Worker(app._replace(database=away), both)


@pytest.fixture
def text_message(app, message) -> Message:
    """The same code as a text message, instead of the mail."""
    sms = message._replace(id="sms", channel="sms", recipient=NUMBER)
    app.database.transaction(outbox.insert, sms)
    app.database.transaction(lambda tx: tx.execute("DELETE FROM outbox WHERE id='m1'"))
    return sms


@pytest.fixture
def found(app) -> Callable[[str], Message | None]:
    return lambda message_id: app.database.read(outbox.find_by_id, message_id)


def test_mail_that_was_sent_is_recorded_when_the_database_is_back(
    worker, send_due, message, away, sender, found, clock
):
    send_due()
    clock.advance(LAPSE_S)
    send_due()

    assert (away.refused, len(sender.letters)) == (3, 1)
    assert found("m1").status == "sent"


@pytest.mark.parametrize(
    ("outcome", "status", "last_error"),
    [
        (TryLater("RCPT: 451"), "queued", "RCPT: 451"),
        (Refused("RCPT: 550"), "given_up", "RCPT: 550"),
    ],
)
def test_failure_is_recorded_when_the_database_is_back(
    send_due, text_message, away, sender, found, outcome, status, last_error
):
    sender.outcome = outcome

    send_due()

    assert away.refused == 3
    recorded = found("sms")
    assert (recorded.status, recorded.last_error) == (status, last_error)


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_message_whose_code_could_not_be_read_is_sent_when_the_database_is_back(
    app, send_due, message, away, sender, found, sql, channel
):
    sql("UPDATE outbox SET channel = ?", channel)
    away.begins_at = one_time_codes.find_by_id
    send_due()
    queued, before = found("m1"), len(sender.letters)

    send_due()

    assert (queued.status, queued.due_at, before) == ("queued", app.now(), 0)
    assert (found("m1").status, len(sender.letters)) == ("sent", 1)


def test_lapsed_claim_is_left_to_the_thread_that_knows_better(
    worker, text_message, away, sender, found, clock
):
    sender.outcome = TryLater("HTTP 429")
    sender._failures = 10**6
    worker.send_due()
    wait_until(lambda: away.refused, "the outcome to be refused")
    clock.advance(LAPSE_S)
    worker.send_due()
    before = found("sms").status
    away.failures = 0
    worker.settle(wait_s=5)

    assert before == "sending"
    assert found("sms").status == "queued"


def test_place_is_kept_until_the_outcome_is_recorded(worker, message, away, sender):
    lane = worker._lanes[0]
    sender._failures = 10**6
    worker.send_due()
    wait_until(lambda: away.refused, "the outcome to be refused")
    during = lane.places._value
    away.failures = 0
    worker.settle(wait_s=5)

    assert (during, lane.places._value) == (3, 4)


def test_stopping_ends_the_wait_for_the_database(
    worker, message, away, sender, monkeypatch, caplog
):
    monkeypatch.setattr(outcomes, "RECORD_AGAIN_S", 600)
    threads = threading.active_count()
    sender._failures = 10**6
    worker.start()
    wait_until(lambda: away.refused, "the outcome to be refused")

    worker.stop(wait_s=5)

    assert threading.active_count() == threads
    assert "verify_code m1: its outcome is lost" in caplog.text
