"""The system of Flask and SQLite: a mobile number, codes instead of passwords.

    POST /register   {"username", "password", "mobile_number": "9876543210"}
    POST /login      {"mobile_number", "otp"}            -> JWT
    GET  /protected  with the JWT as bearer token

The number was a national one. Further codes for logging in are asked for by
`POST /auth/otp` with purpose "login".
"""

import pytest

from tests.systems.conftest import System

MOBILE, CANONICAL = "9876543210", "+919876543210"
REGISTER = {
    "username": "alice",
    "password": "correct horse battery",
    "mobile_number": MOBILE,
}


@pytest.fixture
def system(replace_system) -> System:
    return replace_system(PHONE_COUNTRY_CODE="91", OTP_EXPIRE_MINUTES="2")


@pytest.fixture
def client(system):
    """A client whose user has registered."""
    client = system.client()
    assert client.post("/register", REGISTER).status == 201
    return client


def test_the_code_for_registering_logs_in(system, client):
    code = system.post.next(CANONICAL).code

    login = client.post("/login", {"mobile_number": MOBILE, "otp": code})
    protected = system.client().get("/protected", bearer=login.payload["access_token"])

    assert login.status == 200
    assert protected.status == 200
    assert protected.payload["user"]["phone"] == CANONICAL


def test_further_codes_log_in_again_and_each_of_them_once(system, client):
    first = system.post.next(CANONICAL).code
    client.post("/login", {"mobile_number": MOBILE, "otp": first})

    asked = client.post("/auth/otp", {"mobile_number": MOBILE, "purpose": "login"})
    second = system.post.next(CANONICAL).code
    logins = [
        client.post("/login", {"mobile_number": MOBILE, "otp": each})
        for each in (second, second, first)
    ]

    assert asked.status == 200
    assert [login.status for login in logins] == [200, 401, 401]


def test_a_wrong_code_logs_nobody_in(system, client):
    code = system.post.next(CANONICAL).code
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    login = client.post("/login", {"mobile_number": MOBILE, "otp": wrong})

    assert (login.status, login.payload["code"]) == (401, "invalid_code")


def test_the_configured_life_of_a_code_stands_in_the_message(system, client):
    assert "2 minutes" in system.post.next(CANONICAL).text
