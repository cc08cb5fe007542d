"""Each message is sent once, in time or not at all, whatever breaks."""

import logging
import sqlite3
import threading
from dataclasses import dataclass, field, replace

import pytest

from authserver import codes
from authserver.delivery import worker as worker_module
from authserver.delivery.console import ConsoleSender
from authserver.delivery.sender import FateUnknown, Letter, Refused, TryLater
from authserver.delivery.smtp import SmtpSender
from authserver.delivery.worker import LAPSE_S, NoSender, Worker
from authserver.store import one_time_codes, outbox
from authserver.store.one_time_codes import OneTimeCode
from authserver.store.outbox import Message

CODE_ID = "0" * 32


@dataclass
class Postman:
    """A sender that keeps letters, after failing as often as it is told."""

    failures: list[Exception] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    attempts: int = 0

    def send(self, letter: Letter) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        self.letters.append(letter)


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def worker(app, postman) -> Worker:
    return Worker(app, {"email": postman, "sms": postman})


@pytest.fixture
def send_due(worker):
    """Return what sends everything that is due and waits for it."""

    def send_due() -> None:
        worker.send_due()
        worker.settle(wait_s=5)

    return send_due


@pytest.fixture
def message(app) -> Message:
    """A queued mail with a live code."""
    now = app.now()
    code = OneTimeCode(
        id=CODE_ID,
        purpose="verify",
        subject_id="u1",
        contact="alice@example.org",
        channel="email",
        kid=app.keyring.current,
        created_at=now,
        expires_at=now + 3600,
        attempts_left=5,
    )
    queued = Message(
        id="m1",
        kind="verify_code",
        channel="email",
        recipient="alice@example.org",
        username="alice",
        code_id=CODE_ID,
        created_at=now,
        expires_at=now + 3600,
        due_at=now,
    )
    app.database.transaction(one_time_codes.insert, code)
    app.database.transaction(outbox.insert, queued)
    return queued


def found(app, message_id="m1"):
    return app.database.read(outbox.find_by_id, message_id)


def right_code(app) -> str:
    key = app.keyring.derive("code", app.keyring.current)
    return codes.otp(key, "verify", CODE_ID)


def queue_more(app, message, count, **changes):
    for number in range(count):
        more = replace(message, id=f"more{number}", **changes)
        app.database.transaction(outbox.insert, more)


def test_due_message_is_worded_and_sent_once(app, message, postman, send_due):
    send_due()
    send_due()

    (letter,) = postman.letters
    assert letter.recipient == "alice@example.org"
    assert f"\n{right_code(app)}\n" in letter.text
    assert found(app).status == "sent"


def test_message_that_is_not_due_waits(app, message, postman, send_due, clock):
    clock.advance(-1)

    send_due()

    assert postman.letters == []


def test_no_log_line_and_no_row_holds_the_code(app, message, postman, send_due, caplog):
    # THREATS rows B18 and C25.
    postman.failures = [TryLater("RCPT: 451"), RuntimeError("a bug")]
    with caplog.at_level(logging.DEBUG):
        send_due()
        app.delivery_due.clear()
    code = right_code(app)
    path = app.settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as dump:
        text = "\n".join(dump.iterdump())
    dump.close()

    assert code not in caplog.text
    assert code not in text


@pytest.mark.parametrize(
    ("attempts", "delay_s"), [(1, 5), (2, 15), (3, 45), (4, 120), (5, 120)]
)
def test_failure_that_may_pass_is_tried_again_later_and_later(
    app, message, postman, send_due, clock, attempts, delay_s
):
    postman.failures = [TryLater("RCPT: 451 4.7.1") for _ in range(attempts)]
    for _ in range(attempts):
        send_due()
        failed_at = app.now()
        clock.advance(found(app).due_at - app.now())

    assert app.now() - failed_at == delay_s
    assert found(app).last_error == "RCPT: 451 4.7.1"
    send_due()
    assert found(app).status == "sent"
    assert found(app).attempts == attempts + 1


def test_message_is_given_up_after_ten_minutes(app, message, postman, send_due, clock):
    postman.failures = [TryLater("RCPT: 451") for _ in range(99)]
    while found(app).status == "queued":
        send_due()
        clock.advance(1)

    assert app.now() - message.created_at <= 600
    assert found(app).last_error == "no time is left after RCPT: 451"
    assert found(app).attempts == 8


def test_message_is_given_up_when_it_would_expire_first(
    app, message, postman, send_due
):
    queue_more(app, message, 1, expires_at=app.now() + 5)
    postman.failures = [TryLater("RCPT: 451"), TryLater("RCPT: 451")]

    send_due()

    assert found(app).status == "queued"
    assert found(app, "more0").status == "given_up"


def test_expired_message_is_not_sent(app, message, postman, send_due, clock, caplog):
    clock.advance(3600)

    send_due()

    assert postman.attempts == 0
    assert found(app).last_error == "expired"
    assert "1 messages expired unsent, 0 lost" in caplog.text


def test_refused_message_is_given_up_at_once(app, message, postman, send_due, caplog):
    postman.failures = [Refused("RCPT: 550 5.1.1")]

    send_due()

    assert found(app).status == "given_up"
    assert "verify_code m1 given up: RCPT: 550 5.1.1" in caplog.text


@pytest.mark.parametrize(
    ("fate", "change"),
    [
        ("spent", "UPDATE one_time_codes SET spent_at = 1"),
        ("replaced", "UPDATE one_time_codes SET id = 'another'"),
        ("expired", "UPDATE one_time_codes SET expires_at = 1"),
        ("unknown key", "UPDATE one_time_codes SET kid = 'rotated out'"),
    ],
)
def test_code_that_would_not_work_is_not_sent(
    app, message, postman, send_due, fate, change
):
    app.database.transaction(lambda tx: tx.execute(change))

    send_due()

    assert postman.attempts == 0
    assert found(app).status == "given_up"
    assert "code" in found(app).last_error


def test_notice_is_sent_without_a_code(app, message, postman, send_due):
    queue_more(app, message, 1, kind="password_changed", code_id=None)

    send_due()

    texts = [letter.text for letter in postman.letters]
    assert len([text for text in texts if right_code(app) in text]) == 1
    assert len(texts) == 2


def test_mail_whose_fate_is_unknown_is_sent_once_more_and_not_twice(
    app, message, postman, send_due, clock
):
    postman.failures = [
        FateUnknown("DATA: closed"),
        TryLater("RCPT: 451"),
        FateUnknown("DATA: closed"),
    ]
    for _ in range(3):
        send_due()
        clock.advance(60)
    send_due()

    assert postman.attempts == 3
    assert found(app).status == "given_up"
    assert found(app).last_error == "nobody knows whether it was sent: DATA: closed"


def test_text_message_whose_fate_is_unknown_is_not_repeated(
    app, message, postman, send_due, clock
):
    queue_more(app, message, 1, channel="sms", recipient="+4915112345678")
    postman.failures = [FateUnknown("lost"), FateUnknown("lost")]
    send_due()
    clock.advance(60)
    send_due()

    assert found(app).status == "sent"
    assert found(app, "more0").status == "given_up"


def test_mail_whose_sender_was_killed_is_sent_by_the_next_process(
    app, message, postman, send_due, clock
):
    # THREATS row R15: killed between claiming and recording, so at most twice.
    app.database.transaction(
        outbox.claim, message, now=app.now(), lapses_at=app.now() + LAPSE_S
    )
    send_due()
    before = len(postman.letters)
    clock.advance(LAPSE_S)
    send_due()
    clock.advance(LAPSE_S)
    send_due()

    assert (before, len(postman.letters)) == (0, 1)
    assert found(app).status == "sent"


def test_text_message_whose_sender_was_killed_is_given_up(
    app, message, postman, send_due, clock, caplog
):
    queue_more(app, message, 1, channel="sms", recipient="+4915112345678")
    lost = found(app, "more0")
    app.database.transaction(
        outbox.claim, lost, now=app.now(), lapses_at=app.now() + LAPSE_S
    )
    clock.advance(LAPSE_S)
    send_due()

    assert [letter.recipient for letter in postman.letters] == [message.recipient]
    assert found(app, "more0").status == "given_up"
    assert "0 messages expired unsent, 1 lost in a crash" in caplog.text


def test_end_of_a_message_wakes_the_worker_for_the_next(app, message, send_due):
    app.delivery_due.clear()

    send_due()

    assert app.delivery_due.is_set()


def test_bug_of_a_sender_is_logged_and_the_mail_tried_once_more(
    app, message, postman, send_due, clock, caplog
):
    postman.failures = [RuntimeError("a bug")]
    send_due()
    clock.advance(LAPSE_S)
    send_due()

    assert "verify_code m1 broke down" in caplog.text
    assert found(app).status == "sent"


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
    queue_more(app, replace(message, id="s"), 0)
    sms = replace(message, id="sms", channel="sms", recipient="+4915112345678")
    app.database.transaction(outbox.insert, sms)
    sender, postman = BusySender(), Postman()
    worker = Worker(app, {"email": sender, "sms": postman})
    worker.send_due()
    sender.go.set()
    worker.settle(wait_s=5)

    assert [letter.recipient for letter in postman.letters] == ["+4915112345678"]


def test_full_outbox_is_loud(app, message, send_due, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "MAX_QUEUED", 1)

    send_due()

    assert "the outbox is full" in caplog.text


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
    worker = Worker(replace(app, delivery_due=Alarm()), {})
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


def test_worker_outlives_a_database_that_fails(app, message, postman, caplog):
    broken, mended = threading.Event(), threading.Event()

    class Database:
        """The real one, unless it is broken."""

        def transaction(self, *args, **kwargs):
            if not mended.is_set():
                broken.set()
                raise sqlite3.OperationalError("disk I/O error")
            return app.database.transaction(*args, **kwargs)

        read = app.database.read

    worker = Worker(replace(app, database=Database()), {"email": postman})
    worker.start()
    broken.wait(5)
    mended.set()
    while not postman.letters:
        app.delivery_due.set()
    worker.stop(wait_s=5)

    assert "the outbox cannot be worked off" in caplog.text
    assert found(app).status == "sent"


def test_place_of_a_message_that_cannot_be_claimed_is_kept(app, message, postman):
    class Database:
        """Fails whenever something is claimed."""

        def transaction(self, function, *args, **kwargs):
            if function is worker_module._claim_next:
                raise sqlite3.OperationalError("disk I/O error")
            return app.database.transaction(function, *args, **kwargs)

        read = app.database.read

    app_with_faults = replace(app, database=Database())
    worker = Worker(app_with_faults, {"email": postman})
    for _ in range(10):
        with pytest.raises(sqlite3.OperationalError):
            worker.send_due()
    lane = worker._lanes[0]

    assert lane.places.acquire(blocking=False)


def test_without_mail_server_everything_goes_to_the_console(make_settings):
    senders = worker_module.choose_senders(make_settings())

    assert {type(sender) for sender in senders.values()} == {ConsoleSender}


def test_with_mail_server_only_mail_can_be_sent(make_settings):
    settings = make_settings(email_host="mail.example.org", email_from="a@example.org")

    senders = worker_module.choose_senders(settings)

    assert type(senders["email"]) is SmtpSender
    assert type(senders["sms"]) is NoSender


def test_message_without_a_way_is_given_up_with_a_sentence(app, message, caplog):
    worker = Worker(app, {"email": NoSender()})

    worker.send_due()
    worker.settle(wait_s=5)

    assert found(app).status == "given_up"
    assert "nothing is configured that could send this" in caplog.text
