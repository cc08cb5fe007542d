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
def add(client, mailbox, alice):
    """What somebody does who knows alice's password: adds a contact."""

    def add(**contact):
        elsewhere = client.at("203.0.113.66")
        form = {"identifier": "alice", "password": alice.password}
        token = elsewhere.post("/auth/login", **form).payload["access_token"]
        inside = elsewhere.bearer(token)
        inside.post("/auth/contacts", **contact, current_password=alice.password)
        (value,) = contact.values()
        otp = mailbox.code(value)
        assert inside.post("/auth/verify-otp", **contact, otp=otp).status == 200
        return value

    return add


@pytest.fixture
def added(clock, add):
    """A phone that was added a month after alice had joined."""
    clock.advance(30 * DAY_S)
    return add(phone=PHONE)


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


def test_the_thief_is_sent_no_code_after_it(client, mailbox, alice, added):
    reset(client, mailbox, alice.email)
    mailbox.fetch()

    client.post("/auth/password/forgot", identifier=added)
    client.post("/auth/otp", phone=added, purpose="login")

    assert mailbox.fetch() == []


def test_the_phone_is_told_that_the_password_changed(client, mailbox, alice, added):
    reset(client, mailbox, alice.email)

    assert [each.recipient for each in mailbox.fetch()].count(added) == 1


def test_a_reset_by_the_added_phone_leaves_the_older_address(
    client, mailbox, sql, alice, added
):
    assert reset(client, mailbox, added).status == 200

    assert sql("SELECT email, phone FROM users") == [(alice.email, added)]


def test_a_reset_by_the_latest_contact_leaves_one_of_the_day_before(
    client, clock, mailbox, sql, add, added
):
    clock.advance(DAY_S)
    email = add(email="new@example.org")

    reset(client, mailbox, email)

    assert phone(sql) == [(added,)]


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
