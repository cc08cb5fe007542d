"""The system of FastAPI, SQLite and Streamlit: a number for a code.

POST /register   {"name", "pwd", "email"}
POST /otp        {"otp": 123456, "email"}      a JSON number
POST /login      {"username", "password"}      -> JWT
POST /protected  with the JWT as bearer token
"""

import pytest

from tests.systems.conftest import System

PASSWORD = "correct horse battery"
REGISTER = {"name": "alice", "pwd": PASSWORD, "email": "alice@example.org"}
LOGIN = {"username": "alice", "password": PASSWORD}


@pytest.fixture
def system(replace_system) -> System:
    return replace_system()


def test_register_prove_log_in_and_use_a_protected_route(system):
    client = system.client()

    registered = client.post("/register", REGISTER)
    code = system.post.next("alice@example.org").code
    verified = client.post("/otp", {"otp": int(code), "email": "alice@example.org"})
    logged_in = client.post("/login", LOGIN)
    token = logged_in.payload["access_token"]
    protected = system.client().post("/protected", bearer=token)

    assert registered.status == 201
    assert verified.status == 200
    assert logged_in.payload["token_type"] == "bearer"
    assert token.count(".") == 2
    assert protected.status == 200
    assert protected.payload["user"]["username"] == "alice"


def test_login_before_verification_is_told_to_verify_first(system):
    client = system.client()
    client.post("/register", REGISTER)

    answer = client.post("/login", LOGIN)

    assert answer.status == 403
    assert answer.payload["code"] == "contact_not_verified"


def test_a_wrong_number_proves_nothing(system):
    client = system.client()
    client.post("/register", REGISTER)
    wrong = int(system.post.next("alice@example.org").code) % 999_999 + 1

    answer = client.post("/otp", {"otp": wrong, "email": "alice@example.org"})

    assert (answer.status, answer.payload["code"]) == (401, "invalid_code")
    assert client.post("/login", LOGIN).status == 403


def test_its_sample_password_is_refused_in_words(system):
    answer = system.client().post("/register", {**REGISTER, "pwd": "password123"})

    assert answer.status == 422
    assert answer.payload["errors"] == [
        {
            "field": "password",
            "message": "This password is among those that are tried first. "
            "Choose another.",
            "code": "password_common",
        }
    ]


@pytest.mark.parametrize("token", ["", "not.a.token"])
def test_the_protected_route_wants_a_good_token(system, token):
    assert system.client().post("/protected", bearer=token).status == 401
