"""POST /auth/password/forgot: the same answer for everybody, mail for some."""

import pytest

from tests.conftest import PASSWORD, START

SENT = {"message": "OTP sent successfully"}


@pytest.mark.parametrize(
    "path", ["/auth/password/forgot", "/password/forgot", "/forgot-password"]
)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identifier", "alice"),
        ("username", "alice"),
        ("email", "alice@example.org"),
    ],
)
def test_every_dialect_is_sent_a_code(client, mailbox, alice, path, name, value):
    answer = client.post(path, **{name: value})

    assert (answer.status, answer.payload) == (200, SENT)
    [letter] = mailbox.fetch()
    assert letter.recipient == alice.email
    assert "new password" in letter.subject


@pytest.mark.parametrize("name", ["phone", "mobile_number"])
def test_number_is_sent_a_code(client, mailbox, name):
    phone = "+442079460018"
    client.post("/auth/register", username="bob", password=PASSWORD, phone=phone)
    client.post("/auth/verify-otp", phone=phone, otp=mailbox.code(phone))

    client.post("/forgot-password", **{name: phone})

    assert [letter.recipient for letter in mailbox.fetch()] == [phone]


def test_answer_does_not_tell_who_exists(client, mailbox, alice, sql):
    client.post("/register", username="bob", email="bob@example.org", password=PASSWORD)
    mailbox.fetch()

    answers = [
        client.post("/forgot-password", email=email).public()
        for email in (alice.email, "bob@example.org", "nobody@example.org")
    ]

    assert answers.count(answers[0]) == 3
    assert [letter.recipient for letter in mailbox.fetch()] == [alice.email]


def test_disabled_account_gets_the_same_answer(client, alice, sql):
    sql("UPDATE users SET disabled_at = ?", START)

    answer = client.post("/forgot-password", email=alice.email)

    assert (answer.status, answer.payload) == (200, SENT)


def test_identifier_is_needed(client):
    answer = client.post("/auth/password/forgot")

    assert (answer.status, answer.code) == (400, "invalid_body")


def test_identifier_that_is_nothing_breaks_a_rule(client):
    answer = client.post("/auth/password/forgot", email="alice@")

    assert (answer.status, answer.code) == (422, "rule_broken")


def test_fourth_request_waits(client):
    statuses = [
        client.post("/forgot-password", email="nobody@example.org").status
        for _ in range(4)
    ]

    assert statuses == [200, 200, 200, 429]
