"""Locking somebody else out by guessing wrong on purpose.

A limit that protects an account can be turned against its owner. Here it stops
whoever guesses: the owner's usual places have budgets of their own, a lock
passes, and what was proven already cannot be taken away by guessing. Nor can a
user name be somebody's address, which in Grafana kept its owner from logging in
(CVE-2022-39229).
"""

import pytest

NEW_PASSWORD = "another good phrase"


def log_in(client, person, **proof):
    return client.post("/auth/login", email=person.email, **proof)


@pytest.fixture
def attack(client, alice, places):
    """Use up every budget of Alice's account, from many places."""

    def attack():
        for place in places(40):
            log_in(client.at(place), alice, password="wrong")
            log_in(client.at(place), alice, otp="000000")
            client.at(place).post("/validate-otp", email=alice.email, otp="000000")
            client.at(place).post("/auth/password/forgot", email=alice.email)

    return attack


def test_owner_logs_in_at_home_by_password(client, alice, logged_in, attack):
    attack()

    assert log_in(client, alice, password=alice.password).status == 200


def test_owner_logs_in_at_home_by_code(client, mailbox, alice, logged_in, attack):
    attack()
    mailbox.fetch()
    client.post("/auth/otp", email=alice.email, purpose="login")

    assert log_in(client, alice, otp=mailbox.code(alice.email)).status == 200


def test_owner_resets_at_home(client, mailbox, alice, logged_in, attack):
    attack()
    client.post("/auth/password/forgot", email=alice.email)
    code = mailbox.code(alice.email)
    body = {"email": alice.email, "otp": code, "new_password": NEW_PASSWORD}

    assert client.post("/auth/password/reset", **body).status == 200


def test_open_sessions_go_on(client, alice, logged_in, attack):
    attack()
    token = logged_in.payload["refresh_token"]

    refreshed = client.at("198.51.100.77").post("/auth/refresh", refresh_token=token)

    assert refreshed.status == 200


def test_stranger_at_the_next_address_does_not_share_the_home(client, alice, logged_in):
    for number in range(2, 30):
        neighbour = client.at(f"192.0.2.{number}")
        log_in(neighbour, alice, password="wrong")

    assert log_in(client, alice, password=alice.password).status == 200


def test_lock_of_strange_places_passes(client, clock, alice, attack):
    attack()
    elsewhere = client.at("198.51.100.77")
    refused = log_in(elsewhere, alice, password=alice.password)
    clock.advance(60)
    accepted = log_in(elsewhere, alice, password=alice.password)

    assert (refused.status, accepted.status) == (401, 200)


def test_home_is_forgotten_after_thirty_days(client, clock, alice, logged_in, attack):
    clock.advance(30 * 86400)
    attack()

    assert log_in(client, alice, password=alice.password).status == 401


def test_failed_passwords_leave_codes_alone(client, mailbox, alice, places):
    for place in places(40):
        log_in(client.at(place), alice, password="wrong")
    elsewhere = client.at("198.51.100.77")
    elsewhere.post("/auth/otp", email=alice.email, purpose="login")

    assert log_in(elsewhere, alice, otp=mailbox.code(alice.email)).status == 200


def test_nobody_guesses_a_grant_away(client, mailbox, alice, places):
    elsewhere = client.at("198.51.100.77")
    elsewhere.post("/auth/password/forgot", email=alice.email)
    code = mailbox.code(alice.email)
    grant = elsewhere.post("/validate-otp", email=alice.email, otp=code)
    token = grant.payload["reset_token"]

    body = {"new_password": NEW_PASSWORD}
    for place in places(40):
        client.at(place).post("/validate-otp", email=alice.email, otp="000000")
        wrong = {"token": token[:-3] + "AAA"}
        client.at(place).post("/auth/password/reset", **wrong, **body)
    accepted = elsewhere.post("/auth/password/reset", token=token, **body)

    assert accepted.status == 200


@pytest.mark.parametrize(
    "username", ["alice@example.org", "+442079460018", "00442079460018", "al ice"]
)
def test_user_name_cannot_be_an_address(client, alice, username):
    body = {"username": username, "email": "mallory@example.com"}

    answer = client.post("/auth/register", password="correct horse battery", **body)

    assert answer.status == 422
    assert [fault["field"] for fault in answer.payload["errors"]] == ["username"]


def test_registering_a_name_reserves_nothing(client, join):
    body = {"username": "bob", "email": "mallory@example.com"}
    client.post("/auth/register", password="correct horse battery", **body)

    assert join("bob").username == "bob"


def test_nobody_is_kept_from_registering_by_registrations_of_a_stranger(
    client, clock, mailbox
):
    email, contacts = "bob@example.org", []
    for number in range(12):
        clock.advance(60)
        stranger = client.at(f"203.0.113.{number % 2}")
        name = f"evil{number}"
        stranger.post("/register", username=name, email=email, password="a long secret")
        if number == 6:
            own = client.post(
                "/register", username="bob", email=email, password="a long secret"
            )
            contacts.append(own.payload["user"]["id"])
    clock.advance(3000 - 720)
    client.post("/auth/otp", email=email)

    assert own.status == 201
    code = mailbox.code(email)
    assert client.post("/otp", email=email, otp=code, id=contacts[0]).status == 200
