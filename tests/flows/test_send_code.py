"""Codes leave only by channels that exist, to people who have a contact."""

from authserver.flows import send_code
from authserver.flows.lookup import Request
from authserver.identifiers import Identifier

PHONE = "+442079460018"


def test_number_gets_nothing_once_there_is_a_mail_server(
    app, caller, client, mailbox, make_settings
):
    client.post("/register", username="bob", phone=PHONE, password="a long secret")
    client.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))
    settings = make_settings(email_host="mx.example.org", email_from="a@example.org")
    mailing = app._replace(settings=settings)

    send_code.send(mailing, caller, Request(Identifier("phone", PHONE)), "login")

    assert mailbox.fetch() == []
