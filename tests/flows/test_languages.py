"""Messages are worded in the language of the request that caused them."""

import re
from email import message_from_bytes, policy

import pytest

from authserver.delivery.worker import Worker
from authserver.web.dispatch import Site
from tests import mail_server
from tests.conftest import Client

FORM = {
    "username": "alice",
    "email": "alice@example.org",
    "password": "correct horse battery",
}


def subjects(mailbox):
    return [letter.subject for letter in mailbox.fetch()]


@pytest.mark.parametrize(
    ("headers", "path", "expected"),
    [
        ({}, "/auth/register", "Your code for auth.example.org"),
        ({"accept_language": "fr"}, "/auth/register", "Your code for auth.example.org"),
        (
            {"accept_language": "de-AT"},
            "/auth/register",
            "Ihr Code für auth.example.org",
        ),
        (
            {"accept_language": "en", "cookie": "language=de"},
            "/auth/register",
            "Ihr Code für auth.example.org",
        ),
        ({}, "/auth/register?lang=de", "Ihr Code für auth.example.org"),
    ],
)
def test_mail_speaks_as_the_page_did(client, mailbox, headers, path, expected):
    assert client.having(**headers).post(path, **FORM).status == 201

    assert subjects(mailbox) == [expected]


def test_notice_speaks_the_language_of_who_caused_it(client, mailbox, alice):
    mailbox.fetch()
    german = client.having(accept_language="de")

    german.post("/auth/password/forgot", identifier="alice")
    token = mailbox.link_token(alice.email)
    new = "noch ein guter Satz"
    german.post("/auth/password/reset", token=token, new_password=new)

    assert subjects(mailbox) == ["Ihr Passwort bei auth.example.org wurde geändert"]


def test_answer_of_the_api_stays_english(client):
    asked = {"accept_language": "de", "cookie": "language=de"}

    answer = client.having(**asked).post("/auth/register", **FORM | {"email": "a"})

    assert answer.payload["detail"] == "A value breaks a rule; errors says which."
    assert answer.payload["errors"][0]["code"] == "email_form"


def test_umlauts_arrive_by_mail(make_app):
    with mail_server.running() as server:
        app = make_app(
            email_host="127.0.0.1",
            email_port=server.port,
            email_security="none",
            email_from="auth@example.org",
        )
        client = Client(Site(app)).having(accept_language="de")
        client.post("/auth/register", **FORM)
        worker = Worker(app)
        worker.send_due()
        worker.stop()

    [delivery] = server.deliveries
    mail = message_from_bytes(delivery.content, policy=policy.default)
    html = mail.get_body(("html",)).get_content()
    text = mail.get_body(("plain",)).get_content()
    assert delivery.content.isascii()
    assert mail["Subject"] == "Ihr Code für auth.example.org"
    assert "Um zu bestätigen" in " ".join(text.split())
    assert re.search(r"^[0-9]{6}\r?$", text, re.MULTILINE)
    assert '<html lang="de">' in html
    assert "Adresse bestätigen</a>" in html
