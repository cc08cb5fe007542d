"""The system of http.server, MySQL and Twilio: three identifiers, two channels.

    POST /register          {"username", "email", "phone", "password"}
    POST /login             {"identifier", "password"}   any of the three
    POST /forgot-password   {"identifier"}               "OTP sent successfully"
    POST /validate-otp      {"identifier", "otp"}
    POST /reset-password    {"identifier", "new_password"}

Accounts worked right after registering, cookies were Secure, HttpOnly and
SameSite=Strict, codes came by mail or text message, three requests a minute.
The reset now needs what the validation gave, which a cookie jar carries along.
"""

import pytest

from tests.systems.conftest import System

PASSWORD, NEW_PASSWORD = "correct horse battery", "another good phrase"
EMAIL, PHONE = "alice@example.org", "+442079460018"
IDENTIFIERS = ("alice", EMAIL, PHONE)
REGISTER = {"username": "alice", "email": EMAIL, "phone": PHONE, "password": PASSWORD}


@pytest.fixture
def system(replace_system) -> System:
    return replace_system(REQUIRE_VERIFICATION="false")


@pytest.fixture
def client(system):
    """A client whose user has registered and read what was sent to her."""
    client = system.client()
    answer = client.post("/register", REGISTER)
    assert answer.status == 201
    assert answer.payload["message"] == "User registered successfully"
    system.post.next(EMAIL)
    system.post.next(PHONE)
    return client


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_login_works_at_once_by_any_identifier(client, identifier):
    form = {"identifier": identifier, "password": PASSWORD}

    answer = client.post("/login", form)

    assert answer.status == 200
    assert answer.payload["message"] == "Login successful"
    flags = set(answer.set_cookies[0].split("; "))
    assert {"Secure", "HttpOnly", "SameSite=Strict"} <= flags


def test_a_wrong_password_is_refused(client):
    form = {"identifier": "alice", "password": NEW_PASSWORD}

    assert client.post("/login", form).status == 401


@pytest.mark.parametrize(
    ("identifier", "contact"), [("alice", EMAIL), (EMAIL, EMAIL), (PHONE, PHONE)]
)
def test_forgotten_validated_and_reset_with_exactly_its_messages(
    system, client, identifier, contact
):
    who = {"identifier": identifier}

    forgot = client.post("/forgot-password", who)
    code = system.post.next(contact).code
    validated = client.post("/validate-otp", {**who, "otp": code})
    reset = client.post("/reset-password", {**who, "new_password": NEW_PASSWORD})
    login = client.post("/login", {**who, "password": NEW_PASSWORD})

    assert forgot.payload["message"] == "OTP sent successfully"
    assert validated.payload["message"] == "OTP verified. Proceed to reset password."
    assert reset.payload["message"] == "Password reset successful"
    assert (forgot.status, validated.status, reset.status) == (200, 200, 200)
    assert login.status == 200


def test_the_reset_needs_what_the_validation_gave(system, client):
    who = {"identifier": "alice"}
    client.post("/forgot-password", who)
    code = system.post.next(EMAIL).code
    client.post("/validate-otp", {**who, "otp": code})
    stranger = system.client()

    answer = stranger.post("/reset-password", {**who, "new_password": NEW_PASSWORD})

    assert answer.status == 401
    assert client.post("/login", {**who, "password": PASSWORD}).status == 200


def test_a_fourth_request_in_a_minute_waits(system):
    who = {"identifier": "bob@example.org"}
    client = system.client()

    answers = [client.post("/forgot-password", who) for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
