"""The system of FastAPI, SQLAlchemy and MySQL with Argon2: links, one session.

    POST /auth/signup       {"username", "email", "password"}
    POST /verify/send       {"email"}
    POST /verify/confirm    {"token"}                    from the mailed link
    POST /auth/login        {"username" or "email", "password"}
    POST /auth/logout
    POST /password/forgot   {"email"}
    POST /password/reset    {"token", "new_password"}    from the mailed link
    GET  /session/active, GET /

One active session per user ("Session already active"), an audit log, Argon2,
and Swagger UI.
"""

import http.client
import json

import pytest

from tests.processes import run
from tests.systems.conftest import System

PASSWORD, NEW_PASSWORD = "correct horse battery", "another good phrase"
EMAIL = "alice@example.org"
SIGNUP = {"username": "alice", "email": EMAIL, "password": PASSWORD}
LOGIN = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def system(replace_system) -> System:
    return replace_system(SESSION_POLICY="single", PASSWORD_HASHER="argon2")


@pytest.fixture
def client(system):
    """A client whose user has followed the link."""
    client = system.client()
    client.post("/auth/signup", SIGNUP)
    token = system.post.next(EMAIL).link_token
    assert client.post("/verify/confirm", {"token": token}).status == 200
    return client


def test_signing_up_answers_word_by_word(system):
    answer = system.client().post("/auth/signup", SIGNUP)

    user = answer.payload.pop("user")
    assert answer.status == 201
    assert answer.payload == {"status": 201, "message": "User created successfully"}
    assert user.items() >= {"username": "alice", "is_verified": False}.items()


def test_a_link_that_is_sent_again_verifies_once(system):
    client = system.client()
    client.post("/auth/signup", SIGNUP)
    system.post.next(EMAIL)

    assert client.post("/verify/send", {"email": EMAIL}).status == 200
    token = system.post.next(EMAIL).link_token
    confirmations = [client.post("/verify/confirm", {"token": token}) for _ in "12"]

    assert [each.status for each in confirmations] == [200, 401]
    assert client.post("/auth/login", LOGIN).payload["user"]["is_verified"] is True


def test_a_second_session_is_refused_until_the_first_ends(system, client):
    elsewhere = system.client()

    first = client.post("/auth/login", LOGIN)
    second = elsewhere.post("/auth/login", LOGIN)
    client.post("/auth/logout")
    third = elsewhere.post("/auth/login", LOGIN)

    assert (first.status, second.status, third.status) == (200, 409, 200)
    assert second.payload["detail"] == "Session already active"


def test_the_active_session_is_shown_while_there_is_one(client):
    client.post("/auth/login", LOGIN)

    during = client.get("/session/active")
    client.post("/auth/logout")
    after = client.get("/session/active")

    assert (during.status, during.payload["active"]) == (200, True)
    assert after.status == 401


def test_a_forgotten_password_is_reset_by_the_link(system, client):
    assert client.post("/password/forgot", {"email": EMAIL}).status == 200
    token = system.post.next(EMAIL).link_token

    reset = client.post(
        "/password/reset", {"token": token, "new_password": NEW_PASSWORD}
    )

    assert reset.status == 200
    assert client.post("/auth/login", LOGIN).status == 401
    assert client.post("/auth/login", {**LOGIN, "password": NEW_PASSWORD}).status == 200


def test_the_front_page_says_that_it_runs(client):
    assert client.get("/").payload["status"] == "ok"


def test_passwords_are_stored_as_argon2id(client, stored):
    (password_hash,) = stored("SELECT CAST(password_hash AS CHAR) FROM users")[0]

    assert password_hash.startswith("$argon2id$")


def test_the_audit_log_tells_who_did_what(system, client):
    client.post("/auth/login", LOGIN)
    client.post("/auth/login", {**LOGIN, "password": NEW_PASSWORD})

    printed = run(
        system.server.folder, "audit", "--json", "--user", "alice",
        **system.server.settings,
    )  # fmt: skip

    entries = [json.loads(line) for line in printed.stdout.splitlines()]
    events = [(entry["event"], entry["outcome"]) for entry in entries]
    assert events == [
        ("register", "ok"),
        ("verify", "ok"),
        ("login", "ok"),
        ("login", "invalid_credentials"),
    ]


def test_swagger_ui_is_served(system):
    connection = http.client.HTTPConnection("127.0.0.1", system.server.port, timeout=20)
    connection.request("GET", "/docs")
    answer = connection.getresponse()

    assert answer.status == 200
    assert b"swagger-ui" in answer.read()
    connection.close()
