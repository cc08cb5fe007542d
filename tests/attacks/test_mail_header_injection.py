r"""Header injection: a name or address that brings mail headers of its own.

A line break in an address ended the To header, or the RCPT command, and a comma
made two recipients of one: `To: "a@b.c, evil@x.y"` is fine with Python's mail
library. So a real mail server listens here to what is really said: to each
letter one recipient, the one whose account it is, whatever was typed.
"""

import pytest
from aiosmtpd.controller import Controller

from authserver.delivery.worker import Worker
from tests.ports import free_port

PASSWORD = "correct horse battery"
ODDITIES = (
    "a@example.org\r\nRCPT TO:<evil@example.net>",
    "a@example.org\nBcc: evil@example.net",
    "a@example.org\rBcc: evil@example.net",
    "a@example.org\0evil@example.net",
    "a@example.org, evil@example.net",
    "a@example.org,evil@example.net",
    "a@example.org;evil@example.net",
    "a@example.org evil@example.net",
    "<a@example.org> evil@example.net",
    "evil@example.net <a@example.org>",
    '"evil@example.net"@example.org',
    "=?utf-8?q?evil=40example.net=2C?=@example.org",
    "a@=?utf-8?q?example.net?=",
    "a@example.org\u2028Bcc: evil@example.net",
    "a@example.org\u0085Bcc: evil@example.net",
    "a@example.org\x0bBcc: evil@example.net",
    "a@example.org\u00e9",
    "@evil.example.net:a@example.org",
    "a%evil.example.net@example.org",
    "evil.example.net!a@example.org",
)
NAMES = (
    "bob\r\nBcc: evil@example.net",
    "bob\nevil",
    "bob\0",
    "bob, evil@example.net",
    "=?utf-8?q?bob?=",
    "bob\u2028evil",
    "bob<evil@example.net>",
    '"bob"',
)

OUR_HEADERS = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
)


class Sink:
    """A mail server's ears: who was named, and every byte of the letters."""

    def __init__(self):
        self.port = free_port()
        self.letters = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's
        self.letters.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def sink():
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    yield sink
    controller.stop()


@pytest.fixture
def app(make_app, sink):
    return make_app(
        email_host="127.0.0.1",
        email_port=sink.port,
        email_security="none",
        email_from="auth@example.org",
    )


@pytest.fixture
def deliver(app):
    """Send by SMTP what is due."""

    def run():
        worker = Worker(app)
        worker.send_due()
        worker.stop(wait_s=10)

    return run


def recipients(sink):
    return [recipients for recipients, _ in sink.letters]


def test_odd_addresses_are_refused_and_nobody_gets_mail(client, sink, deliver):
    answers = [
        client.post("/register", username="bob", email=text, password=PASSWORD)
        for text in ODDITIES
    ]
    deliver()

    assert {(answer.status, answer.code) for answer in answers} == {
        (422, "rule_broken")
    }
    assert sink.letters == []


def test_odd_names_are_refused_and_nobody_gets_mail(client, sink, deliver):
    answers = [
        client.post(
            "/register", username=name, email="b@example.org", password=PASSWORD
        )
        for name in NAMES
    ]
    deliver()

    assert {answer.status for answer in answers} == {422}
    assert sink.letters == []


@pytest.mark.parametrize(
    "email",
    [
        "bob@example.org",
        "bob+Bcc=evil@example.org",
        "rcpt'to`{username}@example.org",
        "data.quit.{0}$x@example.org",
    ],
)
def test_a_letter_has_one_recipient_and_our_headers_only(client, sink, deliver, email):
    client.post("/register", username="bob", email=email, password=PASSWORD)
    deliver()

    assert recipients(sink) == [[email.lower()]]
    head, _, text = sink.letters[0][1].partition("\r\n\r\n")
    names = [line.partition(":")[0] for line in head.splitlines() if line[0] != " "]
    assert sorted(names) == sorted(OUR_HEADERS)
    assert "account bob at auth.example.org" in text


def test_a_reset_goes_to_the_stored_address_only(client, sink, deliver):
    email = "bob@example.org"
    client.post("/register", username="bob", email=email, password=PASSWORD)

    for text in ODDITIES:
        client.post("/forgot-password", email=text)
    client.post("/auth/otp", email="  BOB@EXAMPLE.ORG ")
    deliver()

    assert recipients(sink) == [[email], [email]]


def test_user_agent_and_origin_do_not_reach_the_letter(client, sink, deliver):
    browser = client.having(
        user_agent="evil-agent", x_forwarded_host="evil.example.net"
    )
    browser.post(
        "/register", username="bob", email="bob@example.org", password=PASSWORD
    )
    deliver()

    assert "evil" not in sink.letters[0][1]
