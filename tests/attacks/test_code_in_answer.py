"""Codes in the answer: the API that sends the code also says it.

Several large providers answered "OTP sent" with the code somewhere in the body,
where any caller could read it. A code leaves by mail and by nothing else: in no
body, in no header, in no log line.
"""

import logging

import pytest

EMAIL = "bob@example.org"


@pytest.fixture
def log(caplog) -> pytest.LogCaptureFixture:
    """Everything the package says, down to the smallest detail."""
    caplog.set_level(logging.DEBUG)
    return caplog


def register(client, alice):
    return client.post(
        "/register", username="bob", email=EMAIL, password="bob's own phrase"
    )


def forgot(client, alice):
    return client.post("/forgot-password", email=alice.email)


def ask_for_login(client, alice):
    return client.post("/auth/otp", email=alice.email, purpose="login")


def change_contact(client, alice):
    login = client.post("/auth/login", email=alice.email, password=alice.password)
    inside = client.bearer(login.payload["access_token"])
    return inside.post("/auth/contacts", email=EMAIL, current_password=alice.password)


@pytest.mark.parametrize(
    ("ask", "recipient"),
    [
        (register, EMAIL),
        (forgot, "alice@example.org"),
        (ask_for_login, "alice@example.org"),
        (change_contact, EMAIL),
    ],
)
def test_a_code_is_in_the_mail_only(client, mailbox, alice, log, ask, recipient):
    answer = ask(client, alice)

    code = mailbox.code(recipient)
    assert answer.status in (200, 201)
    assert code not in repr(answer)
    assert code not in log.text


def test_a_code_asked_for_again_is_in_the_mail_only(client, mailbox, log):
    register(client, None)

    answer = client.post("/auth/otp", email=EMAIL)

    assert mailbox.code(EMAIL) not in repr(answer)
    assert mailbox.code(EMAIL) not in log.text


def test_a_code_given_back_is_not_repeated(client, mailbox, alice, log):
    ask_for_login(client, alice)
    code = mailbox.code(alice.email)

    answer = client.post("/auth/login", email=alice.email, otp=code)

    assert answer.status == 200
    assert code not in repr(answer.payload["user"])
    assert code not in log.text


def test_a_wrong_code_is_not_repeated(client, alice, log):
    answer = client.post("/validate-otp", email=alice.email, otp="918273")

    assert answer.code == "invalid_code"
    assert "918273" not in repr(answer)
    assert "918273" not in log.text
