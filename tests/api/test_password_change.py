"""POST /auth/password/change: who knows the old password sets a new one."""

import pytest

from tests.conftest import OTHER_PASSWORD

PATH = "/auth/password/change"


@pytest.fixture
def inside(client, logged_in):
    """Alice, logged in by bearer."""
    return client.bearer(logged_in.payload["access_token"])


def change(who, person, new=OTHER_PASSWORD):
    return who.post(PATH, current_password=person.password, new_password=new)


def login(client, person, password):
    return client.post("/login", email=person.email, password=password)


def test_new_password_replaces_the_old_one(client, alice, inside):
    answer = change(inside, alice)

    assert answer.status == 200
    assert answer.payload == {"message": "Password changed successfully"}
    assert login(client, alice, alice.password).status == 401
    assert login(client, alice, OTHER_PASSWORD).status == 200


def test_every_other_session_ends(client, alice, inside):
    other = login(client, alice, alice.password)

    change(inside, alice)

    bearer = client.bearer(other.payload["access_token"])
    assert bearer.get("/auth/me").status == 401
    assert inside.get("/auth/me").status == 200


def test_outstanding_codes_end_and_the_owner_is_told(client, mailbox, alice, inside):
    client.post("/forgot-password", email=alice.email)
    code = mailbox.code(alice.email)

    change(inside, alice)

    [notice] = mailbox.fetch()
    assert "was changed" in notice.subject
    assert client.post("/validate-otp", email=alice.email, otp=code).status == 401


def test_wrong_current_password_is_refused(inside):
    answer = inside.post(
        PATH, current_password="guess", new_password="another good phrase"
    )

    assert (answer.status, answer.code) == (401, "invalid_credentials")


def test_guesses_count_against_the_account(client, alice, inside):
    for number in range(11):
        at = inside.at(f"198.51.101.{number}")
        at.post(PATH, current_password="guess", new_password=OTHER_PASSWORD)

    at = inside.at("198.51.101.99")
    assert change(at, alice).status == 401
    assert change(inside, alice).status == 200  # the known address has its own


def test_eleventh_guess_waits(alice, inside):
    statuses = [
        inside.post(PATH, current_password="guess", new_password=OTHER_PASSWORD).status
        for _ in range(11)
    ]

    assert statuses == [*10 * [401], 429]


@pytest.mark.parametrize("new", ["short", "alice@example.org", "password1", 129 * "x"])
def test_unfit_password_is_refused_before_the_current_one_is_judged(inside, new):
    answer = inside.post(PATH, current_password="guess", new_password=new)

    assert (answer.status, answer.code) == (422, "rule_broken")
    assert answer.payload["errors"][0]["field"] == "new_password"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"new_password": OTHER_PASSWORD}, "current_password"),
        ({"current_password": "x"}, "new_password"),
        ({"current_password": "x", "new_password": None}, "new_password"),
    ],
)
def test_both_passwords_are_needed(inside, body, field):
    answer = inside.post(PATH, **body)

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["field"] == field


def test_nobody_is_refused(client, alice):
    assert change(client, alice).code == "not_authenticated"


def test_bad_bearer_is_refused(client, alice):
    assert change(client.bearer("forged"), alice).code == "invalid_token"


def test_wrong_current_password_is_said_in_words(client, logged_in):
    me = client.bearer(logged_in.payload["access_token"])

    answer = me.post(
        "/auth/password/change", current_password="wrong one", new_password="a new one"
    )

    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert answer.payload["detail"] == "The current password is not right."


def test_the_same_password_again_is_no_change(client, logged_in, alice):
    me = client.bearer(logged_in.payload["access_token"])

    answer = me.post(
        "/auth/password/change",
        current_password=alice.password,
        new_password=alice.password,
    )

    assert (answer.status, answer.payload["errors"][0]["field"]) == (
        422,
        "new_password",
    )
