"""Taking an account over by a contact that its owner never proved.

Somebody mistypes their address, or an import brings a stale one, and it is a
stranger's. He asks for a login code there, or for a new password, or proves it
first and asks then. Once the user has proven another contact, this one opens
nothing, and looks like an address that nobody has. Where none was ever proven
(a closed group) the first proof decides; see `test_account_prehijacking`.
"""

import io
from functools import partial

import pytest

from authserver.flows import import_rows, import_users
from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

TYPO = "typo@example.org"
PHONE = "+442079460018"
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "another good phrase"

closed_group = pytest.mark.parametrize(
    "app", [{"require_verification": False}], indirect=True
)


@pytest.fixture
def hugo(app):
    """An imported user: the phone is proven, the address is somebody else's."""
    password_hash = app.hasher.hash(PASSWORD)
    line = f"""{{"username": "hugo", "email": "{TYPO}", "email_verified": false,
        "phone": "{PHONE}", "hash": "{password_hash}"}}""".replace("\n", " ")
    terms = import_rows.Terms(country_code="", now=app.now())
    rows = import_rows.read(io.BytesIO(line.encode()), terms)
    assert [each.line for each in import_users.run(app, rows)] == [1]


@pytest.fixture
def stranger(client):
    return client.at("203.0.113.66")


@pytest.fixture
def inside(client, hugo):
    """Hugo, logged in at home."""
    token = log_in(client, "hugo").payload["access_token"]
    return client.bearer(token)


def log_in(client, identifier, password=PASSWORD):
    return client.post("/auth/login", identifier=identifier, password=password)


def ask(client, identifier, purpose):
    return client.post("/auth/otp", identifier=identifier, purpose=purpose)


def recipients(mailbox):
    return [letter.recipient for letter in mailbox.fetch()]


@pytest.mark.parametrize("purpose", ["login", "reset", "verify"])
def test_nothing_is_sent_to_an_unproven_address_beside_a_proven_number(
    stranger, mailbox, hugo, purpose
):
    answer = ask(stranger, TYPO, purpose)

    assert answer.public() == ask(stranger, "no@example.org", purpose).public()
    assert recipients(mailbox) == []


@pytest.mark.parametrize("purpose", ["login", "reset"])
def test_codes_asked_for_by_user_name_go_to_the_proven_contact(
    stranger, mailbox, hugo, purpose
):
    ask(stranger, "hugo", purpose)

    assert recipients(mailbox) == [PHONE]


def test_reset_by_the_proven_contact_keeps_the_other_and_tells_the_proven(
    client, mailbox, sql, hugo
):
    ask(client, "hugo", "reset")
    body = {"otp": mailbox.code(PHONE), "new_password": OTHER_PASSWORD}
    answer = client.post("/auth/password/reset", identifier="hugo", **body)

    assert answer.status == 200
    assert recipients(mailbox) == [PHONE]
    assert sql("SELECT email, email_verified_at FROM users") == [(TYPO, None)]


@pytest.fixture
def proven_later(app, client, mailbox):
    """What proves Hugo's number, with letters to the address on their way."""
    body = {"username": "hugo", "password": PASSWORD}
    client.post("/auth/register", **body, email=TYPO, phone=PHONE)
    code = mailbox.code(PHONE)
    return partial(client.post, "/auth/verify-otp", phone=PHONE, otp=code)


@closed_group
def test_verify_code_sent_earlier_opens_nothing_once_another_contact_is_proven(
    stranger, mailbox, proven_later
):
    code, link = mailbox.code(TYPO), mailbox.link_token(TYPO)
    assert proven_later().status == 200

    by_code = stranger.post("/auth/verify-otp", email=TYPO, otp=code)
    by_link = stranger.post("/verify/confirm", token=link)

    assert by_code.code == "invalid_code"
    assert by_link.code == "invalid_credentials"


@closed_group
def test_login_code_sent_earlier_opens_nothing_once_another_contact_is_proven(
    stranger, mailbox, proven_later
):
    ask(stranger, TYPO, "login")
    code = mailbox.code(TYPO)
    proven_later()

    by_address = stranger.post("/auth/login", identifier=TYPO, otp=code)
    by_name = stranger.post("/auth/login", identifier="hugo", otp=code)

    assert (by_address.code, by_name.code) == ("invalid_code", "invalid_code")


@closed_group
def test_reset_begun_earlier_ends_once_another_contact_is_proven(
    stranger, mailbox, clock, proven_later
):
    ask(stranger, TYPO, "reset")
    grant = stranger.post("/validate-otp", email=TYPO, otp=mailbox.code(TYPO)).payload
    clock.advance(60)
    ask(stranger, TYPO, "reset")
    code, link = mailbox.code(TYPO), mailbox.link_token(TYPO)
    proven_later()

    proofs = [
        {"token": grant["reset_token"]},
        {"token": link},
        {"email": TYPO, "otp": code},
        {"identifier": "hugo", "otp": code},
    ]
    reset = partial(stranger.post, "/auth/password/reset", new_password=OTHER_PASSWORD)
    assert {reset(**proof).code for proof in proofs} == {"invalid_code"}
    assert stranger.post("/validate-otp", email=TYPO, otp=code).code == "invalid_code"


def test_unproven_address_is_proven_inside_the_session(mailbox, inside, stranger):
    ask(inside, TYPO, "verify")
    code = mailbox.code(TYPO)

    outside = stranger.post("/auth/verify-otp", email=TYPO, otp=code)
    answer = inside.post("/auth/verify-otp", email=TYPO, otp=code)

    assert (outside.code, answer.status) == ("invalid_code", 200)
    assert recipients(mailbox) == [PHONE]  # where somebody reads who should know
    ask(stranger, "hugo", "login")
    assert recipients(mailbox) == [TYPO]


def test_link_to_the_unproven_address_needs_the_password(
    client, mailbox, inside, stranger
):
    ask(inside, TYPO, "verify")
    token = mailbox.link_token(TYPO)

    alone = stranger.post("/verify/confirm", token=token)
    answer = client.post("/verify/confirm", token=token, password=PASSWORD)

    assert (alone.code, answer.status) == ("invalid_credentials", 200)


def test_session_of_somebody_else_asks_for_no_code_there(client, mailbox, hugo, join):
    join("alice")
    login = log_in(client, "alice")
    mailbox.fetch()

    ask(client.bearer(login.payload["access_token"]), TYPO, "verify")

    assert recipients(mailbox) == []


def test_change_of_an_unproven_contact_is_told_to_the_proven_one(mailbox, inside):
    right = "hugo@example.org"
    inside.post("/auth/contacts", email=right, current_password=PASSWORD)
    inside.post("/auth/verify-otp", email=right, otp=mailbox.code(right))

    assert recipients(mailbox) == [PHONE]


def test_changed_password_is_told_to_the_proven_contact(mailbox, inside):
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert inside.post("/auth/password/change", **body).status == 200

    assert recipients(mailbox) == [PHONE]


def test_owner_of_the_address_gets_an_account_of_their_own(
    client, mailbox, stranger, hugo
):
    body = {"username": "tina", "email": TYPO, "password": OTHER_PASSWORD}
    stranger.post("/auth/register", **body)
    code = mailbox.code(TYPO)

    answer = stranger.post("/auth/verify-otp", email=TYPO, otp=code)

    assert answer.status == 200
    assert log_in(stranger, TYPO, OTHER_PASSWORD).payload["user"]["username"] == "tina"
    assert log_in(client, "hugo").payload["user"]["email"] is None


def test_right_password_still_goes_with_the_unproven_address(client, hugo):
    assert log_in(client, TYPO).payload["user"]["username"] == "hugo"


@closed_group
def test_reset_where_none_was_proven_tells_the_contact_that_it_proves(client, mailbox):
    body = {"username": "hugo", "password": PASSWORD}
    client.post("/auth/register", **body, email=TYPO, phone=PHONE)
    mailbox.fetch()
    ask(client, PHONE, "reset")
    body = {"otp": mailbox.code(PHONE), "new_password": OTHER_PASSWORD}
    client.post("/auth/password/reset", phone=PHONE, **body)

    assert recipients(mailbox) == [PHONE]
