"""POST /validate-otp: a reset code becomes a grant for ten minutes."""

import pytest

from tests.conftest import OTHER_PASSWORD, START


@pytest.fixture
def code(client, mailbox, alice) -> str:
    """Alice's reset code."""
    client.post("/forgot-password", email=alice.email)
    return mailbox.code(alice.email)


def reset(client, token):
    return client.post("/reset-password", token=token, new_password=OTHER_PASSWORD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identifier", "alice"),
        ("username", "alice"),
        ("email", "alice@example.org"),
    ],
)
def test_code_becomes_a_token_in_body_and_cookie(client, code, name, value):
    answer = client.post("/validate-otp", **{name: value}, otp=code)

    assert answer.status == 200
    assert answer.payload == {
        "message": "OTP verified. Proceed to reset password.",
        "reset_token": answer.cookies["__Host-reset"],
    }
    assert "Max-Age=600; " in answer.header("Set-Cookie")


def test_page_gets_the_token_in_the_cookie_alone(client, alice, code):
    answer = client.post("/validate-otp", email=alice.email, otp=code, cookie_only=True)
    proof = answer.cookies["__Host-reset"]

    assert reset(client, proof).status == 200
    assert answer.payload == {"message": "OTP verified. Proceed to reset password."}


def test_grant_outlives_the_code_and_lasts_ten_minutes(client, clock, alice, code):
    clock.advance(599)
    grant = client.post("/validate-otp", email=alice.email, otp=code)

    clock.advance(599)
    in_time = reset(client, grant.payload["reset_token"])

    assert in_time.status == 200


def test_grant_expires(client, clock, alice, code):
    grant = client.post("/validate-otp", email=alice.email, otp=code)

    clock.advance(600)

    assert reset(client, grant.payload["reset_token"]).status == 401


def test_code_works_once_and_a_new_one_replaces_the_grant(client, mailbox, alice, code):
    first = client.post("/validate-otp", email=alice.email, otp=code)
    again = client.post("/validate-otp", email=alice.email, otp=code)
    client.post("/forgot-password", email=alice.email)
    second = client.post(
        "/validate-otp", email=alice.email, otp=mailbox.code(alice.email)
    )

    assert (again.status, second.status) == (401, 200)
    assert reset(client, first.payload["reset_token"]).status == 401
    assert reset(client, second.payload["reset_token"]).status == 200


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_wrong_and_unknown_are_one_answer(client, code, email):
    answer = client.post("/validate-otp", email=email, otp="abcdef")

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_expired_code_is_refused(client, clock, alice, code):
    clock.advance(600)

    answer = client.post("/validate-otp", email=alice.email, otp=code)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_contact_that_was_not_asked_has_no_code(client, alice):
    answer = client.post("/validate-otp", email=alice.email, otp="123456")

    assert answer.status == 401


def test_disabled_user_is_refused(client, alice, code, sql):
    sql("UPDATE users SET disabled_at = ?", START)

    answer = client.post("/validate-otp", email=alice.email, otp=code)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_account_that_guessed_enough_is_refused_silently(client, mailbox, alice, code):
    for number in range(10):
        at = client.at(f"198.51.101.{number}")
        at.post("/auth/login", email=alice.email, otp="abcdef")

    answer = client.post("/validate-otp", email=alice.email, otp=code)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_eleventh_guess_waits(client):
    statuses = [
        client.post("/validate-otp", identifier="nobody", otp="123456").status
        for _ in range(11)
    ]

    assert statuses == [*10 * [401], 429]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"identifier": "alice"}, 400),
        ({"otp": "123456"}, 400),
        ({"identifier": "alice", "otp": True}, 400),
        ({"identifier": "!", "otp": "123456"}, 422),
    ],
)
def test_identifier_and_code_are_needed(client, body, status):
    assert client.post("/validate-otp", **body).status == status
