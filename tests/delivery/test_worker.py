"""Each message is sent once, in time or not at all, whatever breaks."""

import logging
import sqlite3

import pytest

from authserver import codes
from authserver.delivery import templates
from authserver.delivery import worker as worker_module
from authserver.delivery.claims import LAPSE_S
from authserver.delivery.console import ConsoleSender
from authserver.delivery.sender import FateUnknown, Refused, TryLater
from authserver.delivery.smtp import SmtpSender
from authserver.delivery.worker import NoSender, Worker
from authserver.store import outbox

from .conftest import CODE_ID


def found(app, message_id="m1"):
    return app.database.read(outbox.find_by_id, message_id)


def right_code(app) -> str:
    key = app.keyring.derive("code", app.keyring.current)
    return codes.otp(key, "verify", CODE_ID)


def right_link(app) -> str:
    key = app.keyring.derive("link", app.keyring.current)
    token = codes.link_token(key, "verify", CODE_ID)
    return f"https://auth.example.org/verify#token={token}&name=alice"


def queue_more(app, message, count, **changes):
    for number in range(count):
        more = message._replace(id=f"more{number}", **changes)
        app.database.transaction(outbox.insert, more)


def test_due_message_is_worded_and_sent_once(app, message, postman, send_due):
    send_due()
    send_due()

    (letter,) = postman.letters
    assert letter.recipient == "alice@example.org"
    assert f"\n{right_code(app)}\n" in letter.text
    assert f"\n{right_link(app)}\n" in letter.text
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
    code, link = right_code(app), right_link(app)
    token = link[link.index("=") + 1 : link.index("&")]
    path = app.settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as dump:
        text = "\n".join(dump.iterdump())
    dump.close()

    assert code not in caplog.text + text
    assert token not in caplog.text + text


def test_wording_that_cannot_be_read_now_loses_no_message(
    app, message, postman, send_due, clock, monkeypatch, tmp_path
):
    with monkeypatch.context() as missing:
        missing.setattr(templates, "OUR_FRAME", tmp_path / "away")
        send_due()
    waiting = found(app)
    clock.advance(5)

    send_due()

    assert waiting.last_error == "reading its wording: No such file or directory"
    assert (found(app).status, len(postman.letters)) == ("sent", 1)


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


def test_bug_of_a_sender_is_logged_and_the_mail_tried_once_more(
    app, message, postman, send_due, clock, caplog
):
    postman.failures = [RuntimeError("a bug")]
    send_due()
    clock.advance(LAPSE_S)
    send_due()

    assert "verify_code m1 broke down" in caplog.text
    assert found(app).status == "sent"


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
