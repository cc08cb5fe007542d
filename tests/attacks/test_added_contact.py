"""A thief with the password adds a contact of his own, to come back by it.

The owner is told, asks for a new password, and the thief is out; but he could
reset it back by the contact that he had proven. So the owner's reset takes it
away, and only that: contacts of long standing stay.
"""

import pytest

from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

DAY_S = 86400
PHONE = "+442079460018"
NEW_PASSWORD = "another good phrase"


@pytest.fixture
def thief(client, clock, alice):
    """Somebody who knows alice's password, a month after she joined."""
    clock.advance(30 * DAY_S)
    elsewhere = client.at("203.0.113.66")
    form = {"identifier": "alice", "password": alice.password}
    tokens = elsewhere.post("/auth/login", **form).payload
    return elsewhere.bearer(tokens["access_token"])


@pytest.fixture
def added(thief, mailbox, alice):
    """A phone that was added and proven inside a session of alice's."""
    thief.post("/auth/contacts", phone=PHONE, current_password=alice.password)
    answer = thief.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))
    assert answer.status == 200
    return PHONE


def reset(client, mailbox, identifier, password=NEW_PASSWORD):
    client.post("/auth/password/forgot", identifier=identifier)
    proof = {"identifier": identifier, "otp": mailbox.code(identifier)}
    return client.post("/auth/password/reset", new_password=password, **proof)


def phone(sql):
    return sql("SELECT phone FROM users")


def test_the_owners_reset_takes_the_added_phone_away(
    client, mailbox, sql, alice, added
):
    assert reset(client, mailbox, alice.email).status == 200

    assert phone(sql) == [(None,)]


def test_the_thief_is_sent_no_code_after_it(client, mailbox, alice, thief, added):
    reset(client, mailbox, alice.email)
    mailbox.fetch()

    thief.post("/auth/password/forgot", identifier=added)
    thief.post("/auth/otp", phone=added, purpose="login")

    assert mailbox.fetch() == []


def test_the_phone_is_told_that_the_password_changed(client, mailbox, alice, added):
    reset(client, mailbox, alice.email)

    assert [each.recipient for each in mailbox.fetch()].count(added) == 1


def test_a_reset_by_the_added_phone_leaves_the_older_address(
    client, mailbox, sql, alice, added
):
    assert reset(client, mailbox, added).status == 200

    assert sql("SELECT email, phone FROM users") == [(alice.email, added)]


def test_a_phone_of_a_week_stays(client, clock, mailbox, sql, alice, added):
    clock.advance(7 * DAY_S)

    reset(client, mailbox, alice.email)

    assert phone(sql) == [(added,)]


def test_both_contacts_of_a_registration_stay(client, clock, mailbox, sql):
    both = {"email": "bob@example.org", "phone": PHONE}
    client.post("/auth/register", username="bob", password=NEW_PASSWORD, **both)
    otp = mailbox.code(both["email"])
    client.post("/auth/verify-otp", email=both["email"], otp=otp)
    login = client.post("/auth/login", identifier="bob", password=NEW_PASSWORD)
    inside = client.bearer(login.payload["access_token"])
    clock.advance(60)
    inside.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))
    clock.advance(DAY_S)

    reset(client, mailbox, both["email"], "a third good phrase")

    assert phone(sql) == [(PHONE,)]
