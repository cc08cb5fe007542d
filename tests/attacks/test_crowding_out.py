"""Keeping somebody from finishing a registration, by standing in the way.

A registration reserves nothing, so strangers may choose the same user name, and
they may ask for codes for the same address. Neither may hide one's own from
whoever registered it, nor use up the letters that are meant for it.
"""

import pytest

from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

FRANK = "frank@example.org"
PASSWORD = "correct horse battery"


def register(client, username, email):
    body = {"username": username, "email": email, "password": PASSWORD}
    return client.post("/auth/register", **body).payload["user"]["id"]


@pytest.fixture
def stranger(client):
    return client.at("203.0.113.66")


@pytest.fixture
def own_id(client, stranger, clock, mailbox):
    """Frank's registration, and later five of the same name by a stranger."""
    own_id = register(client, "frank", FRANK)
    for number in range(5):
        clock.advance(1)
        register(stranger, "frank", f"x{number}@example.com")
        mailbox.fetch()
    return own_id


def test_later_registrations_of_the_name_do_not_hide_the_one_with_the_id(
    client, mailbox, own_id
):
    elsewhere = client.at("198.51.100.77")

    body = {"identifier": "frank", "id": own_id, "otp": mailbox.code(FRANK)}
    answer = elsewhere.post("/auth/verify-otp", **body)

    assert answer.status == 200


def test_later_registrations_of_the_name_do_not_hide_the_one_made_here(
    client, mailbox, own_id
):
    log_in = {"identifier": "frank", "password": PASSWORD}
    early = client.post("/auth/login", **log_in)
    code = {"identifier": "frank", "otp": mailbox.code(FRANK)}
    answer = client.post("/auth/verify-otp", **code)

    assert (early.code, answer.status) == ("contact_not_verified", 200)
    assert client.post("/auth/login", **log_in).payload["user"]["id"] == own_id


def test_asking_again_by_the_name_sends_the_code_of_the_one_made_here(
    client, mailbox, own_id
):
    client.post("/auth/otp", identifier="frank")

    assert [letter.recipient for letter in mailbox.fetch()] == [FRANK]


def test_id_of_a_registration_does_not_go_with_another_name_or_address(
    client, mailbox, own_id, sql
):
    code = mailbox.code(FRANK)

    answers = [
        client.post("/auth/verify-otp", identifier=identifier, id=own_id, otp=code)
        for identifier in ("franka", "x0@example.com", "+442079460018")
    ]

    assert {answer.code for answer in answers} == {"invalid_code"}
    left = dict(sql("SELECT subject_id, attempts_left FROM one_time_codes"))
    assert left[own_id] == 5


@pytest.mark.parametrize("path", ["/forgot-password", "/auth/otp"])
def test_asking_for_a_reset_takes_no_letter_from_a_registration(
    client, stranger, mailbox, path
):
    register(client, "frank", FRANK)
    mailbox.fetch()
    for _ in range(3):
        stranger.post(path, identifier=FRANK, purpose="reset")

    client.post("/auth/otp", identifier=FRANK)

    assert [letter.recipient for letter in mailbox.fetch()] == [FRANK]


def test_several_registrations_of_an_address_are_one_request_for_its_code(
    client, mailbox, clock
):
    register(client, "frank", FRANK)
    register(client, "frankie", FRANK)
    mailbox.fetch()
    clock.advance(60)

    counts = []
    for _ in range(3):
        client.post("/auth/otp", identifier=FRANK)
        counts.append(len(mailbox.fetch()))

    assert counts == [2, 2, 2]
