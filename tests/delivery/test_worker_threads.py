"""The worker wakes, limits itself, outlives failures and stops."""

import sqlite3
import threading

import pytest

from authserver import errors
from authserver.delivery import claims
from authserver.delivery.sender import Letter, TryLater
from authserver.delivery.worker import Worker
from authserver.store import outbox

from .conftest import Postman


def found(app, message_id="m1"):
    return app.database.read(outbox.find_by_id, message_id)


def queue_more(app, message, count, **changes):
    for number in range(count):
        more = message._replace(id=f"more{number}", **changes)
        app.database.transaction(outbox.insert, more)


def test_end_of_a_message_wakes_the_worker_for_the_next(app, message, send_due):
    app.delivery_due.clear()

    send_due()

    assert app.delivery_due.is_set()


def test_server_that_does_not_answer_is_left_alone(
    app, message, postman, send_due, clock
):
    queue_more(app, message, 20)
    postman.failures = [TryLater("refused", unreachable=True) for _ in range(6)]
    for _ in range(10):
        send_due()
    attempts_before_the_pause = postman.attempts
    clock.advance(30)
    send_due()

    assert 5 <= attempts_before_the_pause <= 8  # four may be under way at once
    assert postman.attempts > attempts_before_the_pause


def test_answer_of_the_server_forgives_its_failures(app, message, postman, send_due):
    queue_more(app, message, 7)
    down, busy = TryLater("refused", unreachable=True), TryLater("RCPT: 451")
    postman.failures = [down, down, down, down, busy, down, down, down]
    send_due()
    send_due()
    send_due()

    assert postman.attempts == 8


class BusySender:
    """Holds every letter until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def send(self, letter: Letter) -> None:
        self.begun.release()
        self.go.wait()


def test_at_most_four_messages_are_sent_at_once(app, message):
    queue_more(app, message, 9)
    sender = BusySender()
    worker = Worker(app, {"email": sender})
    worker.send_due()
    worker.send_due()
    sending = app.database.read(outbox.count_by_status, "sending")
    sender.go.set()
    worker.settle(wait_s=5)

    assert sending == 4
    assert app.database.read(outbox.count_by_status, "sent") == 4


def test_hanging_mail_server_does_not_keep_text_messages(app, message):
    queue_more(app, message, 5)
    queue_more(app, message._replace(id="s"), 0)
    sms = message._replace(id="sms", channel="sms", recipient="+4915112345678")
    app.database.transaction(outbox.insert, sms)
    sender, postman = BusySender(), Postman()
    worker = Worker(app, {"email": sender, "sms": postman})
    worker.send_due()
    sender.go.set()
    worker.settle(wait_s=5)

    assert [letter.recipient for letter in postman.letters] == ["+4915112345678"]


def test_system_without_threads_does_not_end_the_sending(
    app, message, clock, monkeypatch
):
    queue_more(app, message, 5)
    postman = Postman()
    worker = Worker(app, {"email": postman})

    def start(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", start)
        for _ in range(6):
            worker.send_due()
    clock.advance(60)
    for _ in range(2):
        worker.send_due()
        worker.settle(wait_s=5)

    assert app.database.read(outbox.count_by_status, "sent") == 6


def test_full_outbox_is_loud(app, message, send_due, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "MAX_QUEUED", 1)

    send_due()

    assert "the outbox is full" in caplog.text


class ReadOnly:
    """A database that is only looked at."""

    def __init__(self, database) -> None:
        self.read = database.read

    def transaction(self, *args, **kwargs):
        raise AssertionError("nobody should write")


def test_worker_without_work_begins_no_transaction(app, message, send_due, clock):
    send_due()
    later = message._replace(id="later", due_at=app.now() + 5)
    app.database.transaction(outbox.insert, later)
    worker = Worker(app._replace(database=ReadOnly(app.database)))

    worker.send_due()
    clock.advance(5)

    with pytest.raises(AssertionError, match="nobody should write"):
        worker.send_due()


def test_event_wakes_the_worker_and_stopping_leaves_no_thread(app, message):
    threads = threading.active_count()
    sender = BusySender()
    worker = Worker(app, {"email": sender})
    worker.start()
    begun = sender.begun.acquire(timeout=5)
    sender.go.set()
    worker.stop(wait_s=5)

    assert begun
    assert found(app).status == "sent"
    assert threading.active_count() == threads


def test_stopping_wakes_a_worker_that_sleeps(app):
    asleep = threading.Event()

    class Alarm(threading.Event):
        """Sleeps for a minute, and tells when."""

        def wait(self, timeout=None):
            asleep.set()
            return super().wait(60)

    threads = threading.active_count()
    worker = Worker(app._replace(delivery_due=Alarm()), {})
    worker.start()
    asleep.wait(5)
    worker.stop(wait_s=5)

    assert threading.active_count() == threads


def test_stopped_worker_begins_nothing_new(app, message, postman, worker):
    worker.stop()

    worker.send_due()

    assert found(app).status == "queued"


def test_stopping_does_not_wait_for_a_hanging_server_for_ever(app, message):
    sender = BusySender()
    worker = Worker(app, {"email": sender})
    worker.start()
    sender.begun.acquire(timeout=5)
    worker.stop(wait_s=0.05)
    status = found(app).status
    sender.go.set()
    worker.settle(wait_s=5)

    assert status == "sending"


@pytest.mark.parametrize(
    ("failure", "traceback"),
    [
        (sqlite3.OperationalError("disk I/O error"), True),
        # Expected trouble is a line a second, not a page.
        (errors.Unavailable("locked"), False),
    ],
)
def test_worker_outlives_a_database_that_fails(
    app, message, postman, caplog, failure, traceback
):
    broken, mended = threading.Event(), threading.Event()

    class Database:
        """The real one, unless it is broken."""

        def transaction(self, *args, **kwargs):
            if not mended.is_set():
                broken.set()
                raise failure
            return app.database.transaction(*args, **kwargs)

        read = app.database.read

    worker = Worker(app._replace(database=Database()), {"email": postman})
    worker.start()
    broken.wait(5)
    mended.set()
    while not postman.letters:
        app.delivery_due.set()
    worker.stop(wait_s=5)

    assert "the outbox cannot be worked off" in caplog.text
    assert ("Traceback" in caplog.text) is traceback
    assert found(app).status == "sent"


def test_place_of_a_message_that_cannot_be_claimed_is_kept(app, message, postman):
    class Database:
        """Fails whenever something is claimed."""

        def transaction(self, function, *args, **kwargs):
            if function is claims.claim_next:
                raise sqlite3.OperationalError("disk I/O error")
            return app.database.transaction(function, *args, **kwargs)

        read = app.database.read

    app_with_faults = app._replace(database=Database())
    worker = Worker(app_with_faults, {"email": postman})
    for _ in range(10):
        with pytest.raises(sqlite3.OperationalError):
            worker.send_due()
    lane = worker._lanes[0]

    assert lane.places.acquire(blocking=False)
