"""A letter leaves encrypted, to one recipient, in bounded time, or never."""

import contextlib
import email
import socket
import threading
import time
from email import policy

import pytest

from authserver.delivery import smtp
from authserver.delivery.sender import FateUnknown, Refused, TryLater
from authserver.delivery.smtp import SmtpSender
from tests.mail_server import log_in
from tests.ports import free_port

from .conftest import LETTER

TEXT_OF_THE_SERVER = b"for alice, who was sent 492039"


@pytest.fixture
def make_sender(make_settings):
    """Return a maker of senders with little patience."""

    def make(port, *, security="none", host="127.0.0.1", talk_s=5.0, **changes):
        settings = make_settings(
            email_host=host,
            email_port=port,
            email_security=security,
            email_from="noreply@example.org",
            **changes,
        )
        return SmtpSender(settings, connect_s=2, talk_s=talk_s)

    return make


def test_letter_arrives_as_it_was_written(make_sender, start_mail_server):
    server = start_mail_server()

    make_sender(server.port).send(LETTER)

    (delivery,) = server.deliveries
    mail = email.message_from_bytes(delivery.content, policy=policy.default)
    assert delivery.sender == "noreply@example.org"
    assert delivery.recipients == ["alice@example.org"]
    assert dict(mail.items()) == {
        "From": "noreply@example.org",
        "To": "alice@example.org",
        "Subject": "Your code",
        "Date": "Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID": f"<{LETTER.message_id}@auth.example.org>",
        "Auto-Submitted": "auto-generated",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }
    assert mail.get_content().replace("\r\n", "\n") == LETTER.text


def test_html_part_comes_after_the_plain_one(make_sender, start_mail_server):
    server = start_mail_server()
    html = f'<p title="{"x" * 200}">The code is: 492039</p>\n'

    make_sender(server.port).send(LETTER._replace(html=html))

    (delivery,) = server.deliveries
    mail = email.message_from_bytes(delivery.content, policy=policy.default)
    parts = [part.get_content().replace("\r\n", "\n") for part in mail.iter_parts()]
    kinds = [part.get_content_type() for part in mail.iter_parts()]
    assert mail.get_content_type() == "multipart/alternative"
    assert kinds == ["text/plain", "text/html"]
    assert parts == [LETTER.text, html]


def test_nothing_tells_the_name_of_this_machine(make_sender, start_mail_server):
    server = start_mail_server()

    make_sender(server.port).send(LETTER)

    (delivery,) = server.deliveries
    assert delivery.ehlo == "auth.example.org"
    assert socket.gethostname().encode() not in delivery.content


@pytest.mark.parametrize(
    ("public_url", "name"),
    [
        ("http://localhost:8080", "localhost"),
        ("https://192.0.2.7", "[192.0.2.7]"),
        ("https://[2001:db8::7]", "[IPv6:2001:db8::7]"),
    ],
)
def test_our_name_is_a_host_or_an_address_literal(
    make_sender, start_mail_server, public_url, name
):
    server = start_mail_server()

    make_sender(server.port, public_url=public_url).send(LETTER)

    assert server.deliveries[0].ehlo == name


def test_starttls_encrypts_and_logs_in(make_sender, start_mail_server, trusted):
    server = start_mail_server(
        tls_context=trusted.server_context(),
        require_starttls=True,
        authenticator=log_in,
        auth_required=True,
    )

    make_sender(
        server.port,
        security="starttls",
        host="localhost",
        email_user="postman",
        email_pass="letterbox",
    ).send(LETTER)

    (delivery,) = server.deliveries
    assert (delivery.encrypted, delivery.user) == (True, "postman")


def test_tls_encrypts_from_the_first_byte(make_sender, start_mail_server, trusted):
    server = start_mail_server(ssl_context=trusted.server_context())

    make_sender(server.port, security="tls", host="localhost").send(LETTER)

    assert len(server.deliveries) == 1


@pytest.mark.parametrize(
    ("security", "option"), [("starttls", "tls_context"), ("tls", "ssl_context")]
)
def test_certificate_nobody_vouches_for_gets_no_letter(
    make_sender, start_mail_server, certificate, security, option
):
    server = start_mail_server(**{option: certificate.server_context()})
    sender = make_sender(server.port, security=security, host="localhost")

    with pytest.raises(TryLater, match="certificate verify failed") as failure:
        sender.send(LETTER)

    assert failure.value.unreachable
    assert server.deliveries == []


@pytest.mark.parametrize(
    ("security", "option"), [("starttls", "tls_context"), ("tls", "ssl_context")]
)
def test_certificate_of_another_host_gets_no_letter(
    make_sender, start_mail_server, trusted, security, option
):
    server = start_mail_server(**{option: trusted.server_context()})
    sender = make_sender(server.port, security=security, host="127.0.0.1")

    with pytest.raises(TryLater, match="IP address mismatch"):
        sender.send(LETTER)

    assert server.deliveries == []


def test_server_that_hides_starttls_gets_neither_password_nor_letter(
    make_sender, start_scripted_server
):
    server = start_scripted_server({})
    sender = make_sender(
        server.port, security="starttls", email_user="postman", email_pass="letterbox"
    )

    with pytest.raises(TryLater, match="STARTTLS extension not supported") as failure:
        sender.send(LETTER)
    server.close()

    assert failure.value.unreachable
    assert server.commands == ["ehlo auth.example.org", ""]


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "reason"),
    [
        ("greeting", b"554 5.3.2 ", TryLater, "opening: 554 5.3.2"),
        ("greeting", b"421 ", TryLater, "opening: 421"),
        ("AUTH", b"535 5.7.8 ", TryLater, "opening: 535 5.7.8"),
        ("MAIL", b"451 4.3.0 ", TryLater, "MAIL: 451 4.3.0"),
        ("MAIL", b"550 ", Refused, "MAIL: 550"),
        ("RCPT", b"450 4.2.1 ", TryLater, "RCPT: 450 4.2.1"),
        ("RCPT", b"550 5.1.1 ", Refused, "RCPT: 550 5.1.1"),
        ("DATA", b"452 4.3.1 ", TryLater, "DATA: 452 4.3.1"),
        ("DATA", b"554 5.5.1 ", Refused, "DATA: 554 5.5.1"),
        ("text", b"421 4.3.2 ", TryLater, "DATA: 421 4.3.2"),
        ("text", b"554 5.7.1 ", Refused, "DATA: 554 5.7.1"),
        ("text", b"what? ", TryLater, "DATA: -1"),
        ("text", None, FateUnknown, "DATA: Connection unexpectedly closed"),
        ("RCPT", None, TryLater, "MAIL: Connection unexpectedly closed"),
    ],
)
def test_place_and_kind_of_a_failure_decide_what_follows(
    make_sender, start_scripted_server, stage, reply, kind, reason
):
    # Only the status is repeated: the server's words may quote the letter.
    answer = reply and reply + TEXT_OF_THE_SERVER + b"\r\n"
    server = start_scripted_server({stage: answer})
    sender = make_sender(server.port, email_user="postman", email_pass="letterbox")

    with pytest.raises(kind) as failure:
        sender.send(LETTER)

    assert str(failure.value) == reason


@pytest.mark.parametrize(
    ("stage", "reply", "unreachable"),
    [
        ("greeting", b"554 no\r\n", True),
        ("EHLO", b"502 no\r\n", True),
        ("AUTH", b"535 no\r\n", True),
        ("MAIL", None, True),
        ("RCPT", b"421 closing\r\n", True),
        ("RCPT", b"450 busy\r\n", False),
        ("text", b"451 no\r\n", False),
    ],
)
def test_failure_of_the_server_as_a_whole_is_told_apart(
    make_sender, start_scripted_server, stage, reply, unreachable
):
    server = start_scripted_server({stage: reply, "HELO": b"502 no\r\n"})
    sender = make_sender(server.port, email_user="postman", email_pass="letterbox")

    with pytest.raises(TryLater) as failure:
        sender.send(LETTER)

    assert failure.value.unreachable is unreachable


def test_password_outside_ascii_is_a_failure_without_its_text(
    make_sender, start_scripted_server
):
    server = start_scripted_server({})
    sender = make_sender(server.port, email_user="postman", email_pass="Schlüssel")

    with pytest.raises(TryLater, match=r"^opening: UnicodeEncodeError$"):
        sender.send(LETTER)


@pytest.mark.parametrize("reply", [None, b"500 no\r\n"])
def test_rude_farewell_does_not_undo_a_delivery(
    make_sender, start_scripted_server, reply
):
    server = start_scripted_server({"QUIT": reply})

    make_sender(server.port).send(LETTER)

    server.close()
    assert server.commands[-1] in ("quit", "")


def test_server_that_is_not_there_is_unreachable(make_sender):
    with pytest.raises(TryLater, match="Connection refused") as failure:
        make_sender(free_port()).send(LETTER)

    assert failure.value.unreachable


@contextlib.contextmanager
def dripping_server(drop: bytes):
    """Accept, then send `drop` every hundredth of a second; yield the port."""
    stop = threading.Event()

    def drip(server):
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            while not stop.wait(0.01):
                connection.sendall(drop)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize(("attack", "drop"), [("silence", b""), ("drip", b"2")])
def test_slow_server_cannot_hold_a_conversation_beyond_its_time(
    make_sender, security, attack, drop
):
    before = threading.active_count()
    with dripping_server(drop) as port:
        sender = make_sender(port, security=security, talk_s=0.3)
        started_at = time.monotonic()
        with pytest.raises(TryLater) as failure:
            sender.send(LETTER)
        lasted_s = time.monotonic() - started_at

    assert failure.value.unreachable
    assert lasted_s < 2
    assert threading.active_count() == before


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_silence_is_told_as_what_it_is(make_sender, security):
    with dripping_server(b"") as port:
        sender = make_sender(port, security=security, talk_s=0.3)
        with pytest.raises(TryLater, match=r"^opening: no answer within 0\.3 s$"):
            sender.send(LETTER)


@pytest.mark.parametrize(
    "recipient",
    [
        "alice@example.org, eve@example.net",
        "alice@example.org\r\nRCPT TO:<eve@example.net>",
        "<alice@example.org>",
        "alice@example.org> SIZE=1 <eve@example.net",
        "alice",
        "alice@",
        "a@b@c",
        "alic\u00e9@example.org",
        "",
    ],
)
def test_recipient_that_is_not_one_plain_address_gets_nothing(make_sender, recipient):
    letter = LETTER._replace(recipient=recipient)

    # Refused before connecting: nobody listens there.
    with pytest.raises(Refused, match="not one plain address"):
        make_sender(free_port()).send(letter)


@pytest.mark.parametrize("subject", ["Hi\nBcc: x", "Hi\u2028x", "Hi\x0bx", "Hi\x85x"])
def test_letter_that_no_mail_can_be_made_of_is_refused(make_sender, subject):
    sender = make_sender(free_port())

    with pytest.raises(Refused, match="no mail can be made of it: ValueError"):
        sender.send(LETTER._replace(subject=subject))


def test_conversation_takes_twenty_seconds_at_most():
    assert smtp.CONNECT_S + smtp.TALK_S == 20
