"""POST /auth/password/reset: one proof, one new password, everything ends.

The order of the steps is a promise: the new password's own rules before any
count, then the proof, which alone names the account, then the rules about the
account's identifiers with the proof unspent, then everything at once.
"""

import pytest

from authserver import codes
from tests.conftest import OTHER_PASSWORD, START

PATH = "/auth/password/reset"
NEW = {"new_password": OTHER_PASSWORD}


@pytest.fixture
def code(client, mailbox, alice) -> str:
    """Alice's reset code."""
    client.post("/forgot-password", email=alice.email)
    return mailbox.code(alice.email)


@pytest.fixture
def grant(client, alice, code) -> str:
    """Alice's validated reset code."""
    answer = client.post("/validate-otp", email=alice.email, otp=code)
    return answer.payload["reset_token"]


def login(client, person, password):
    return client.post("/login", email=person.email, password=password)


@pytest.mark.parametrize(
    "path", ["/auth/password/reset", "/password/reset", "/reset-password"]
)
@pytest.mark.parametrize("name", ["token", "reset_token"])
def test_grant_sets_the_password(client, alice, grant, path, name):
    answer = client.post(path, **NEW, **{name: grant})

    assert answer.status == 200
    assert answer.payload == {"message": "Password reset successful"}
    assert answer.cookies == {"__Host-reset": "", "__Host-session": ""}
    assert login(client, alice, alice.password).status == 401
    assert login(client, alice, OTHER_PASSWORD).status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identifier", "alice"),
        ("username", "alice"),
        ("email", "alice@example.org"),
    ],
)
def test_identifier_and_code_set_the_password(client, alice, code, name, value):
    answer = client.post(PATH, **NEW, **{name: value}, otp=code)

    assert answer.status == 200
    assert login(client, alice, OTHER_PASSWORD).status == 200


def test_cookie_sets_the_password_without_a_word_more(client, alice, grant):
    answer = client.cookie("__Host-reset", grant).post("/reset-password", **NEW)

    assert answer.status == 200
    assert login(client, alice, OTHER_PASSWORD).status == 200


@pytest.mark.parametrize(
    "path", ["/auth/password/reset", "/password/reset", "/reset-password"]
)
def test_mailed_link_sets_the_password(client, mailbox, alice, code, path):
    token = mailbox.link_token(alice.email)

    answer = client.post(path, **NEW, token=token)

    assert answer.status == 200
    assert login(client, alice, OTHER_PASSWORD).status == 200
    assert client.post(path, **NEW, token=token).code == "invalid_code"


def test_mailed_link_survives_guessing_at_the_digits(client, mailbox, alice, code):
    token = mailbox.link_token(alice.email)
    for number in range(40):  # more than the code and the account have guesses
        place = client.at(f"198.51.100.{number}")
        place.post("/validate-otp", email=alice.email, otp="abcdef")

    by_code = client.post(PATH, **NEW, email=alice.email, otp=code)

    assert by_code.code == "invalid_code"
    assert client.post(PATH, **NEW, token=token).status == 200


def test_link_that_proves_a_contact_sets_no_password(client, mailbox):
    email = "bob@example.org"
    client.post("/register", username="bob", email=email, password="a long secret")

    answer = client.post(PATH, **NEW, token=mailbox.link_token(email))

    assert answer.code == "invalid_code"


def test_link_of_another_purpose_is_no_proof(app, client, alice, sql):
    client.post("/auth/otp", email=alice.email, purpose="login")
    [(code_id, kid)] = sql("SELECT id, kid FROM one_time_codes WHERE purpose='login'")
    link = codes.link_token(app.keyring.derive("link", kid), "login", code_id)

    assert client.post(PATH, **NEW, token=link).status == 401


def test_everything_ends(client, mailbox, alice, logged_in, grant):
    client.post("/auth/otp", email=alice.email, purpose="login")
    login_code = mailbox.code(alice.email)

    client.post(PATH, **NEW, token=grant)

    bearer = client.bearer(logged_in.payload["access_token"])
    refresh_token = logged_in.payload["refresh_token"]
    assert bearer.get("/auth/me").status == 401
    assert client.post("/auth/refresh", refresh_token=refresh_token).status == 401
    assert client.post("/login", email=alice.email, otp=login_code).status == 401
    assert client.post(PATH, **NEW, token=grant).status == 401


def test_owner_is_told(client, mailbox, alice, grant):
    client.post(PATH, **NEW, token=grant)

    [notice] = mailbox.fetch()
    assert notice.recipient == alice.email
    assert "was changed" in notice.subject


@pytest.mark.parametrize("app", [{"otp_max_attempts": 1}], indirect=True)
def test_weak_password_is_refused_before_anything_is_counted(client, alice, code):
    refused = [
        client.post(PATH, email=alice.email, otp="abcdef", new_password="short")
        for _ in range(11)
    ]

    answer = client.post(PATH, **NEW, email=alice.email, otp=code)

    assert {each.status for each in refused} == {422}
    assert refused[0].payload["errors"][0]["field"] == "new_password"
    assert answer.status == 200


@pytest.mark.parametrize("app", [{"otp_max_attempts": 1}], indirect=True)
def test_own_identifier_as_password_leaves_the_code_unspent(client, alice, code):
    refused = client.post(PATH, email=alice.email, otp=code, new_password=alice.email)

    answer = client.post(PATH, **NEW, email=alice.email, otp=code)

    assert (refused.status, refused.code) == (422, "rule_broken")
    assert answer.status == 200


def test_own_identifier_as_password_leaves_the_grant_unspent(client, alice, grant):
    refused = client.post(PATH, token=grant, new_password=alice.email)

    assert refused.status == 422
    assert client.post(PATH, **NEW, token=grant).status == 200


def test_identifier_that_names_another_is_refused(client, join, grant):
    join("bob")

    answers = [
        client.post(PATH, **NEW, token=grant, identifier=name)
        for name in ("bob", "nobody")
    ]

    assert {answer.status for answer in answers} == {401}
    assert client.post(PATH, **NEW, token=grant, identifier="alice").status == 200


def test_proof_in_the_body_beats_the_cookie(client, alice, grant):
    browser = client.cookie("__Host-reset", grant)

    by_token = browser.post(PATH, **NEW, token="x")
    by_code = browser.post(PATH, **NEW, email=alice.email, otp="abcdef")

    assert (by_token.status, by_code.status) == (401, 401)
    assert browser.post(PATH, **NEW).status == 200


def test_token_beats_the_code_beside_it(client, alice, code):
    answer = client.post(PATH, **NEW, token="x", email=alice.email, otp=code)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_no_proof_at_all_is_refused(client, alice):
    bare = client.post("/reset-password", **NEW)
    named = client.post("/reset-password", **NEW, email=alice.email)

    assert (bare.status, bare.code) == (401, "invalid_code")
    assert bare.payload["errors"][0]["field"] == "token"
    assert bare.public() == named.public()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "new_password"),
        ({"new_password": 12345678}, "new_password"),
        ({**NEW, "otp": "123456"}, "identifier"),
        ({**NEW, "token": "x", "reset_token": "y"}, "reset_token"),
    ],
)
def test_body_at_fault_is_named(client, body, field):
    answer = client.post(PATH, **body)

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["field"] == field


def test_identifier_that_is_nothing_breaks_a_rule(client):
    answer = client.post(PATH, **NEW, identifier="!", otp="123456")

    assert (answer.status, answer.code) == (422, "rule_broken")


def test_grant_of_a_disabled_user_is_refused(client, grant, sql):
    sql("UPDATE users SET disabled_at = ?", START)

    assert client.post(PATH, **NEW, token=grant).status == 401


def test_grant_from_a_contact_that_is_no_longer_theirs_is_refused(
    client, mailbox, alice, logged_in, grant
):
    inside = client.bearer(logged_in.payload["access_token"])
    new = "alice@example.net"
    inside.post("/auth/contacts", email=new, current_password=alice.password)
    inside.post("/auth/verify-otp", email=new, otp=mailbox.code(new))

    assert client.post(PATH, **NEW, token=grant).status == 401


def test_grant_whose_key_is_gone_is_refused(client, grant, sql):
    sql("UPDATE one_time_codes SET kid = 'gone' WHERE purpose = 'grant'")

    assert client.post(PATH, **NEW, token=grant).status == 401


def test_reset_ends_the_waits_of_the_known_address_too(client, alice, logged_in, code):
    # Two spellings, as each has a visible limit of ten.
    for name in 6 * [alice.email] + 5 * ["alice"]:
        client.post("/login", identifier=name, password="guess")
    locked = login(client, alice, alice.password)

    client.post(PATH, **NEW, email=alice.email, otp=code)

    assert locked.status == 401
    assert login(client, alice, OTHER_PASSWORD).status == 200


@pytest.mark.parametrize("app", [{"require_verification": False}], indirect=True)
@pytest.mark.parametrize(
    ("name", "value"), [("email", "bob@example.org"), ("phone", "+442079460018")]
)
def test_reset_proves_the_contact_in_a_closed_group(client, mailbox, name, value):
    client.post("/register", username="bob", password="a long secret", **{name: value})
    mailbox.fetch()
    client.post("/forgot-password", **{name: value})

    client.post(PATH, **NEW, **{name: value}, otp=mailbox.code(value))

    answer = client.post("/login", username="bob", password=OTHER_PASSWORD)
    assert answer.payload["user"]["is_verified"] is True


@pytest.mark.parametrize("app", [{"address_failures_per_hour": 2}], indirect=True)
def test_third_wrong_token_of_an_address_waits(client):
    statuses = [client.post(PATH, **NEW, token="x").status for _ in range(3)]

    assert statuses == [401, 401, 429]
