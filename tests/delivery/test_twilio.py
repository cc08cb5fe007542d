"""A text message is handed over once, in bounded time, and paid for once.

The SDK is the real one; Twilio is a server on a port of this machine.
"""

import contextlib
import json
import logging
import socket
import subprocess
import sys
import threading
import time

import pytest

from authserver import SettingsError, runtime
from authserver.delivery import twilio as twilio_module
from authserver.delivery import worker as worker_module
from authserver.delivery.breaker import MAX_FAILURES
from authserver.delivery.console import ConsoleSender
from authserver.delivery.sender import FateUnknown, Refused, TryLater
from authserver.delivery.smtp import SmtpSender
from authserver.delivery.twilio import TwilioSender
from authserver.delivery.worker import Worker
from authserver.store import outbox
from tests.ports import free_port
from tests.twilio_stub import (
    PHONE,
    SID,
    TOKEN,
    Accept,
    Dribble,
    Drop,
    Hang,
    Refuse,
    Text,
    TwilioStub,
)

from .conftest import LETTER, full_port

NUMBER = "+442079460018"
TEXT = LETTER._replace(recipient=NUMBER, text="492039 is your code.")
SERVICE = "MG" + "0" * 32


@pytest.fixture
def twilio():
    with TwilioStub() as stub:
        yield stub


@pytest.fixture
def make_sender(make_settings, twilio):
    """Return a maker of senders with little patience."""

    def make(*, talk_s=5.0, **changes):
        settings = make_settings(**(twilio.settings | changes))
        return TwilioSender(settings, connect_s=1, talk_s=talk_s)

    return make


def test_message_arrives_as_it_was_written(make_sender, twilio):
    make_sender().send(TEXT)

    assert twilio.texts == [Text(NUMBER, PHONE, "492039 is your code.")]


def test_messaging_service_may_be_the_sender(make_sender, twilio):
    make_sender(twilio_phone=SERVICE).send(TEXT)

    assert twilio.texts == [Text(NUMBER, SERVICE, "492039 is your code.")]


def test_characters_of_all_kinds_survive_the_form(make_sender, twilio):
    text = "100% & more = \u00e9\u20ac+ \n"

    make_sender().send(TEXT._replace(text=text))

    assert twilio.texts[0].body == text


def test_base_url_may_have_a_path(make_sender, twilio):
    with pytest.raises(TryLater, match="HTTP 404, error 20404"):
        make_sender(twilio_base_url=f"{twilio.url}/proxy/twilio").send(TEXT)

    # That far the request came: the stub does not know the path.
    assert twilio.requests == 1


@pytest.mark.parametrize(
    ("status", "code", "kind", "reason"),
    [
        (400, 21211, Refused, "HTTP 400, error 21211"),
        (400, 21610, Refused, "HTTP 400, error 21610"),
        (410, None, Refused, "HTTP 410"),
        (429, 20429, TryLater, "HTTP 429, error 20429"),
        (503, 20503, TryLater, "HTTP 503, error 20503"),
        (503, None, TryLater, "HTTP 503"),
        (401, 20003, TryLater, "HTTP 401, error 20003"),
        (403, 20005, TryLater, "HTTP 403, error 20005"),
        (404, None, TryLater, "HTTP 404"),
        (307, None, TryLater, "HTTP 307"),
        (500, 20500, FateUnknown, "HTTP 500, error 20500"),
        (502, None, FateUnknown, "HTTP 502"),
        (504, None, FateUnknown, "HTTP 504"),
        (200, None, FateUnknown, "HTTP 200 without a message resource"),
    ],
)
def test_status_decides_what_follows_and_the_words_are_not_repeated(
    make_sender, twilio, status, code, kind, reason
):
    twilio.behaviour = Refuse(status, code)

    with pytest.raises(kind) as failure:
        make_sender().send(TEXT)

    assert str(failure.value) == reason
    assert twilio.requests == 1  # neither repeated nor redirected


@pytest.mark.parametrize(
    ("status", "unreachable"), [(401, True), (403, True), (429, True), (503, True)]
)
def test_trouble_that_every_message_would_have_is_told_apart(
    make_sender, twilio, status, unreachable
):
    twilio.behaviour = Refuse(status, 20000)

    with pytest.raises(TryLater) as failure:
        make_sender().send(TEXT)

    assert failure.value.unreachable is unreachable


def test_wrong_token_is_told_loudly_and_burns_no_message(make_sender, twilio, caplog):
    with pytest.raises(TryLater):
        make_sender(twilio_token="wrong").send(TEXT)

    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "HTTP 401, error 20003" in record.getMessage()
    assert "TWILIO_TOKEN" in record.getMessage()
    assert twilio.texts == []


@pytest.mark.parametrize(
    "body",
    [
        '{"code": "+442079460018", "message": "492039"}',
        '{"type": "t", "title": "492039", "status": 201, "code": "492039"}',
        "[" * 100_000,
        '["+442079460018"]',
        "\udcff",
    ],
)
def test_answer_of_another_shape_is_judged_by_its_status(make_sender, twilio, body):
    twilio.behaviour = Refuse(400, None, body)

    with pytest.raises(Refused, match=r"^HTTP 400$"):
        make_sender().send(TEXT)


def test_server_that_is_not_there_is_unreachable(make_sender):
    with pytest.raises(TryLater, match=r"^connecting: .*refused") as failure:
        make_sender(twilio_base_url=f"http://127.0.0.1:{free_port()}").send(TEXT)

    assert failure.value.unreachable


def test_host_without_an_address_is_unreachable(make_sender):
    sender = make_sender(twilio_base_url="https://" + "a" * 64 + ".invalid")

    with pytest.raises(TryLater, match=r"^connecting: ") as failure:
        sender.send(TEXT)

    assert failure.value.unreachable


def test_connecting_is_given_up_in_time(make_sender):
    with full_port() as port:
        sender = make_sender(twilio_base_url=f"http://127.0.0.1:{port}")
        started_at = time.monotonic()
        with pytest.raises(TryLater, match="connecting: timed out") as failure:
            sender.send(TEXT)
        lasted_s = time.monotonic() - started_at

    assert failure.value.unreachable
    assert 0.9 < lasted_s < 5


@pytest.mark.parametrize(
    "behaviour", [Hang(reading=False), Hang(), Dribble()], ids=repr
)
def test_slow_twilio_cannot_hold_a_message_beyond_its_time(
    make_sender, twilio, behaviour
):
    make_sender().send(TEXT)  # so that no import is measured
    before = threading.active_count()
    twilio.behaviour = behaviour
    started_at = time.monotonic()

    with pytest.raises(FateUnknown, match=r"^sending: no answer within 0\.3 s$"):
        make_sender(talk_s=0.3).send(TEXT)

    assert 0.2 < time.monotonic() - started_at < 5
    twilio.release()
    assert threading.active_count() <= before + 1  # the stub's own


def test_handshake_without_an_answer_is_told_so(make_sender):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}"
        with pytest.raises(TryLater, match=r"^connecting: no answer within 0\.3 s$"):
            make_sender(twilio_base_url=url, talk_s=0.3).send(TEXT)


def test_status_counts_though_its_body_never_ends(make_sender, twilio):
    twilio.behaviour = Dribble(in_head=False)

    with pytest.raises(FateUnknown, match="HTTP 201 without a message resource"):
        make_sender(talk_s=0.3).send(TEXT)


@pytest.mark.parametrize("reading", [False, True])
def test_connection_lost_after_the_request_leaves_its_fate_unknown(
    make_sender, twilio, reading
):
    twilio.behaviour = Drop(reading=reading)

    with pytest.raises(FateUnknown, match=r"^sending: (?!no answer)"):
        make_sender().send(TEXT)


def test_answer_that_comes_late_but_in_time_is_heard(make_sender, twilio):
    twilio.behaviour = Accept(delay_s=0.3)

    make_sender().send(TEXT)

    assert len(twilio.texts) == 1


def test_message_takes_ten_seconds_at_most():
    assert twilio_module.CONNECT_S == 3
    assert twilio_module.CONNECT_S + twilio_module.TALK_S == 10


@pytest.mark.parametrize(
    "recipient",
    ["whatsapp:+442079460018", "alice@example.org", "442079460018", "+44 20 7946", ""],
)
def test_recipient_that_is_not_one_number_gets_nothing(make_sender, twilio, recipient):
    with pytest.raises(Refused, match="not one phone number"):
        make_sender().send(TEXT._replace(recipient=recipient))

    assert twilio.requests == 0


def test_certificate_nobody_vouches_for_gets_no_message(
    make_sender, certificate, start_mail_server
):
    # A mail server, but the conversation does not come so far.
    port = start_mail_server(ssl_context=certificate.server_context()).port

    with pytest.raises(TryLater, match="certificate verify failed") as failure:
        make_sender(twilio_base_url=f"https://localhost:{port}").send(TEXT)

    assert failure.value.unreachable


def test_environment_of_the_process_leads_nowhere(make_sender, twilio, monkeypatch):
    # What the SDK and its HTTP library would read.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")

    make_sender().send(TEXT)

    assert len(twilio.texts) == 1


@pytest.mark.parametrize(
    "behaviour",
    [Accept(), Refuse(400, 21610), Refuse(401, 20003), Refuse(500), Drop()],
    ids=repr,
)
def test_no_log_line_holds_number_text_or_token(make_sender, twilio, behaviour, caplog):
    twilio.behaviour = behaviour

    with caplog.at_level(logging.DEBUG), contextlib.suppress(Exception):
        make_sender().send(TEXT)

    assert twilio.requests == 1
    assert not [each for each in (NUMBER, "492039", TOKEN, SID) if each in caplog.text]


# With the worker.


@pytest.fixture
def text_message(app, message):
    """A queued text message."""
    text = message._replace(id="text", channel="sms", recipient=NUMBER)
    app.database.transaction(outbox.insert, text)
    return text


def found(app, message_id):
    return app.database.read(outbox.find_by_id, message_id)


def work(app, sender, *, times=1):
    worker = Worker(app, {"sms": sender})
    for _ in range(times):
        worker.send_due()
        worker.settle(wait_s=20)
    return worker


def test_worker_sends_a_queued_text_message(app, text_message, make_sender, twilio):
    work(app, make_sender())

    assert found(app, "text").status == "sent"
    assert len(twilio.to(NUMBER)) == 1


def test_message_that_twilio_never_answered_is_not_repeated(
    app, text_message, make_sender, twilio, clock
):
    twilio.behaviour = Hang()
    sender = make_sender(talk_s=0.3)
    work(app, sender)
    twilio.behaviour = Accept()
    clock.advance(60)
    work(app, sender)

    assert found(app, "text").status == "given_up"
    assert "nobody knows whether it was sent" in found(app, "text").last_error
    assert twilio.requests == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_message_that_twilio_says_it_failed_with_is_sent_after_a_pause(
    app, text_message, make_sender, twilio, clock, status
):
    twilio.behaviour = Refuse(status)
    sender = make_sender()
    work(app, sender, times=2)
    twilio.behaviour = Accept()
    before = twilio.requests
    clock.advance(5)
    work(app, sender)

    assert (before, twilio.requests) == (1, 2)
    assert found(app, "text").status == "sent"
    assert len(twilio.texts) == 1


@pytest.mark.parametrize("then", [Refuse(500), Drop(), Refuse(200)], ids=repr)
def test_message_that_twilio_failed_with_is_repeated_once_only(
    app, text_message, make_sender, twilio, clock, then
):
    sender = make_sender()
    for behaviour in (Refuse(502), Refuse(429, 20429), then, Accept()):
        twilio.behaviour = behaviour
        work(app, sender)
        clock.advance(60)

    assert twilio.requests == 3
    assert found(app, "text").status == "given_up"
    assert "nobody knows whether it was sent" in found(app, "text").last_error


def test_repeat_of_what_may_have_been_sent_pays_again(
    app, text_message, make_sender, twilio, clock
):
    twilio.behaviour = Refuse(500)
    sender = make_sender()
    work(app, sender)
    clock.advance(60)
    work(app, sender)
    [used] = app.database.read(
        lambda tx: tx.all("SELECT tokens FROM limits WHERE name LIKE 'sms day %'")
    )

    assert used == (2,)


def test_message_that_twilio_could_not_take_is_sent_later(
    app, text_message, make_sender, twilio, clock
):
    twilio.behaviour = Refuse(503, 20503)
    sender = make_sender()
    work(app, sender)
    twilio.behaviour = Accept()
    clock.advance(5)
    work(app, sender)

    assert found(app, "text").status == "sent"
    assert len(twilio.texts) == 1


def test_twilio_that_hangs_is_left_alone(app, text_message, make_sender, twilio):
    for number in range(9):
        more = text_message._replace(id=f"more{number}")
        app.database.transaction(outbox.insert, more)
    twilio.behaviour = Hang(reading=False)

    work(app, make_sender(talk_s=0.2), times=9)

    # At most four at a time, so the breaker may hear of three more.
    assert MAX_FAILURES <= twilio.requests <= MAX_FAILURES + 3


# What sends.


def test_with_twilio_and_no_mail_server_mails_go_to_the_console(make_settings, twilio):
    senders = worker_module.choose_senders(make_settings(**twilio.settings))

    assert type(senders["email"]) is ConsoleSender
    assert type(senders["sms"]) is TwilioSender


def test_with_both_each_has_its_way(make_settings, twilio):
    mail = {"email_host": "mail.example.org", "email_from": "a@example.org"}

    senders = worker_module.choose_senders(make_settings(**twilio.settings, **mail))

    assert type(senders["email"]) is SmtpSender
    assert type(senders["sms"]) is TwilioSender


SERVE = """
import json, sys, time, urllib.request
import authserver
from authserver.store import outbox
app = authserver.create_app(authserver.Settings(**json.loads(sys.argv[1])))
running = authserver.serve(app)
form = {"username": "alice", "password": "correct horse battery"}
request = urllib.request.Request(
    running.url + "/auth/register",
    json.dumps(form | json.loads(sys.argv[2])).encode(),
    {"Content-Type": "application/json"},
)
assert urllib.request.urlopen(request).status == 201
while not app.database.read(outbox.count_by_status, "sent"):
    time.sleep(0.01)
running.stop()
names = {"twilio", "requests", "authserver.delivery.twilio"}
print(*sorted(names & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("configured", "contact", "loaded"),
    [
        (False, {"phone": NUMBER}, ""),
        (True, {"email": "alice@example.org"}, "authserver.delivery.twilio"),
        (True, {"phone": NUMBER}, "authserver.delivery.twilio requests twilio"),
    ],
)
def test_the_sdk_is_loaded_with_the_first_text_message(
    twilio, tmp_path, configured, contact, loaded
):
    values = {
        "database_url": f"sqlite:///{tmp_path / 'accounts.db'}",
        "port": 0,
        "bcrypt_rounds": 4,
    }
    values |= twilio.settings if configured else {}

    done = subprocess.run(
        [sys.executable, "-c", SERVE, json.dumps(values), json.dumps(contact)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stderr.splitlines()[-1:] == [loaded]


def test_missing_package_stops_the_start_with_a_sentence(
    make_settings, twilio, monkeypatch
):
    monkeypatch.setitem(sys.modules, "twilio", None)  # as if not installed

    with pytest.raises(SettingsError, match=r"^TWILIO_SID needs the package twilio"):
        runtime.create_app(make_settings(**twilio.settings))
