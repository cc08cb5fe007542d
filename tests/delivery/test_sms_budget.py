"""Each text message pays once, before it is sent, or is given up."""

import logging

import pytest

from authserver.delivery.sender import TryLater
from authserver.delivery.worker import Worker
from authserver.store import limits, outbox, users
from authserver.store.users import User

NUMBER = "+442079460018"
HOUR_S, DAY_S = 3600, 86400


@pytest.fixture
def queue(app, message):
    """Return what queues a text message to each of some numbers."""
    count = 0

    def queue(*numbers):
        nonlocal count
        for number in numbers:
            count += 1
            text = message._replace(
                id=f"text{count:03d}",
                kind="password_changed",
                code_id=None,
                channel="sms",
                recipient=number,
                created_at=app.now(),
                expires_at=app.now() + HOUR_S,
                due_at=app.now(),
            )
            app.database.transaction(outbox.insert, text)

    return queue


@pytest.fixture
def drain(app, postman):
    """Return what sends all text messages; it tells to whom, in order."""
    worker = Worker(app, {"sms": postman})

    def drain():
        before = len(postman.letters)
        due = True
        while due:
            worker.send_due()
            worker.settle(wait_s=5)
            due = app.database.read(outbox.find_by_channel, "sms", now=app.now())
        return sorted(letter.recipient for letter in postman.letters[before:])

    return drain


def paid(app, kind):
    name = f"sms {kind} {app.now() // DAY_S}"
    row = app.database.read(limits.find_by_name, name)
    return row.tokens if row else 0


def status(app, message_id="text001"):
    found = app.database.read(outbox.find_by_id, message_id)
    return found.status, found.last_error


def test_message_pays_for_the_day_and_the_unproven(app, queue, drain):
    queue(NUMBER)

    assert drain() == [NUMBER]
    assert (paid(app, "day"), paid(app, "unproven")) == (1, 1)


def test_message_that_is_tried_again_pays_once(app, queue, drain, postman, clock):
    postman.failures = [TryLater("HTTP 503"), TryLater("HTTP 503")]
    queue(NUMBER)
    drain()
    clock.advance(5)
    drain()
    clock.advance(15)

    assert drain() == [NUMBER]
    assert postman.attempts == 3
    assert paid(app, "day") == 1


def test_mail_pays_nothing(app, message, postman):
    worker = Worker(app, {"email": postman})
    worker.send_due()
    worker.settle(wait_s=5)

    assert len(postman.letters) == 1
    assert paid(app, "day") == 0


@pytest.mark.parametrize("app", [{"sms_daily_limit": 0}], indirect=True)
def test_limit_of_none_means_none(app, queue, drain, proven):
    queue(NUMBER, proven)

    assert drain() == []
    assert status(app)[0] == "given_up"


@pytest.fixture
def proven(app):
    """The number of somebody who proved it."""
    number = "+447946001800"
    user = User("u1", "bob", None, None, number, 1, "!", 1, "", 1)
    app.database.transaction(users.insert, user)
    return number


@pytest.mark.parametrize("app", [{"sms_daily_limit": 5}], indirect=True)
def test_odd_limit_gives_the_unproven_the_smaller_half(queue, drain, proven):
    queue(*[NUMBER] * 5, *[proven] * 5)

    assert drain() == [NUMBER] * 2 + [proven] * 3


@pytest.mark.parametrize("app", [{"sms_daily_limit": 2}], indirect=True)
def test_day_begins_at_midnight_utc(app, queue, drain, clock):
    clock.advance(DAY_S - app.now() % DAY_S - 1)
    queue(NUMBER, NUMBER)
    last_second = drain()
    clock.advance(1)
    queue(NUMBER)

    assert (last_second, drain()) == ([NUMBER], [NUMBER])


def test_limit_may_change_within_the_day(app, queue, drain, make_settings, postman):
    queue(*[NUMBER] * 3)
    drain()
    stricter = app._replace(settings=make_settings(sms_daily_limit=8))
    worker = Worker(stricter, {"sms": postman})
    queue(NUMBER, NUMBER)
    worker.send_due()
    worker.settle(wait_s=5)

    assert len(postman.letters) == 4


def test_prefix_regains_a_message_every_72_seconds(queue, drain, clock):
    queue(*[NUMBER] * 51)
    at_once = drain()
    clock.advance(72)
    queue(NUMBER, NUMBER)

    assert (len(at_once), len(drain())) == (50, 1)


def test_five_digits_begin_alike(queue, drain):
    queue(*["+442079460018"] * 50, "+442071111111", "+442081111111")

    assert drain()[50:] == ["+442081111111"]


def test_proven_number_is_not_held_up_by_its_neighbours(queue, drain, proven):
    queue(*["+447941111111"] * 51, proven)

    assert drain()[50:] == [proven]


def test_number_of_an_account_is_unproven_until_proven(app, queue, drain):
    # As with REQUIRE_VERIFICATION=false, where accounts come before proof.
    user = User("u2", "eve", None, None, NUMBER, None, "!", 1, "", 1)
    app.database.transaction(users.insert, user)
    queue(NUMBER)
    drain()

    assert paid(app, "unproven") == 1


def test_message_that_is_refused_pays_nothing(app, queue, drain):
    queue(*[NUMBER] * 60)
    drain()

    assert (paid(app, "day"), paid(app, "unproven")) == (50, 50)


@pytest.mark.parametrize(
    ("app", "kind"),
    [
        ({"sms_countries": "49"}, "country"),
        ({"sms_daily_limit": 0}, "day"),
        ({"sms_daily_limit": 1}, "unproven"),
    ],
    indirect=["app"],
)
def test_operator_is_told_once_a_day_and_hears_no_number(
    app, queue, drain, clock, caplog, kind
):
    with caplog.at_level(logging.DEBUG):
        queue(*[NUMBER] * 20)
        drain()
        told = caplog.text.count("text messages are given up")
        clock.advance(DAY_S)
        queue(NUMBER)
        drain()

    assert told == 1
    assert caplog.text.count("text messages are given up") == 2
    assert caplog.text.count("text001") == 0  # not a line for each
    assert NUMBER not in caplog.text + status(app)[1]
    assert app.metrics.value("sms_refused", kind) == 21


def test_flood_of_refused_messages_does_not_hold_up_mail(
    make_settings, queue, app, message, postman
):
    strict = app._replace(settings=make_settings(sms_daily_limit=0))
    queue(*[NUMBER] * 200)
    waiting = []

    class Mailman:
        def send(self, letter):
            waiting.append(app.database.read(outbox.count_by_status, "queued"))

    worker = Worker(strict, {"sms": postman, "email": Mailman()})
    worker.send_due()
    worker.settle(wait_s=5)

    assert waiting[0] > 100
