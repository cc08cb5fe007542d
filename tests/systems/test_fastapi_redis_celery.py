"""The system of FastAPI, Redis and Celery, and the wishes of its users.

    POST /auth/register        with confirm_password
    POST /auth/verify-otp      {"email", "otp"}
    POST /auth/login           {"email", "password"}
    POST /auth/refresh-token   {"refresh_token"}

Codes expired and mail was sent in the background. Wished for were: a limit on
sending codes, refresh tokens that can be called in, logging out, and a limit on
guessing per address and contact.
"""

import pytest

from tests.systems.conftest import System

PASSWORD = "correct horse battery"
EMAIL = "alice@example.org"
REGISTER = {
    "username": "alice",
    "email": EMAIL,
    "password": PASSWORD,
    "confirm_password": PASSWORD,
}
LOGIN = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def system(replace_system) -> System:
    return replace_system()


@pytest.fixture
def client(system):
    """A client whose user has proven her address."""
    client = system.client()
    assert client.post("/auth/register", REGISTER).status == 201
    code = system.post.next(EMAIL).code
    assert client.post("/auth/verify-otp", {"email": EMAIL, "otp": code}).status == 200
    return client


def refreshed(client, token):
    return client.post("/auth/refresh-token", {"refresh_token": token})


def test_register_verify_log_in_by_email_and_refresh(client):
    tokens = client.post("/auth/login", LOGIN).payload
    renewed = refreshed(client, tokens["refresh_token"])

    assert renewed.status == 200
    assert renewed.payload["refresh_token"] != tokens["refresh_token"]
    assert client.get("/auth/me", bearer=renewed.payload["access_token"]).status == 200


def test_passwords_that_differ_are_refused(system):
    form = {**REGISTER, "confirm_password": "another good phrase"}

    answer = system.client().post("/auth/register", form)

    assert answer.status == 422
    assert answer.payload["errors"][0]["field"] == "confirm_password"


def test_registering_does_not_wait_for_the_mail_server(system):
    system.post.mail.answering.clear()

    answer = system.client().post("/auth/register", REGISTER)

    assert answer.status == 201
    assert system.post.mail.deliveries == []
    system.post.mail.answering.set()
    assert system.post.next(EMAIL).code


def test_wish_codes_are_sent_three_times_a_minute(client):
    answers = [client.post("/auth/otp", {"email": EMAIL}) for _ in range(3)]

    # Registering asked for the first.
    assert [answer.status for answer in answers] == [200, 200, 429]


def test_wish_a_spent_refresh_token_is_called_in_with_its_successors(client):
    first = client.post("/auth/login", LOGIN).payload["refresh_token"]
    second = refreshed(client, first).payload["refresh_token"]
    third = refreshed(client, second).payload["refresh_token"]

    assert refreshed(client, first).status == 401
    assert refreshed(client, third).status == 401


def test_wish_logging_out_ends_access_and_refresh(client):
    tokens = client.post("/auth/login", LOGIN).payload
    bearer = tokens["access_token"]

    assert client.post("/auth/logout", bearer=bearer).status == 200
    assert client.get("/auth/me", bearer=bearer).status == 401
    assert refreshed(client, tokens["refresh_token"]).status == 401


def test_wish_five_wrong_guesses_end_a_code(system):
    client = system.client()
    client.post("/auth/register", REGISTER)
    code = system.post.next(EMAIL).code
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    guesses = [
        client.post("/auth/verify-otp", {"email": EMAIL, "otp": each})
        for each in [wrong] * 5 + [code]
    ]

    assert [guess.status for guess in guesses] == [401] * 6
