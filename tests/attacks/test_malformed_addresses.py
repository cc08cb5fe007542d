"""Malformed addresses: one text that two programs take for two addresses.

oauth2-proxy judged the domain of an address with two "@" by the wrong half
(CVE-2026-40574), and Python's own `parseaddr` reads 'a@good.org<b@evil.org>' as
the first of the two. Whatever is not plainly one address is refused wherever an
identifier is taken, and no mail leaves.
"""

import json
import re
from pathlib import Path

import pytest

PASSWORD = "correct horse battery"
REFUSED = (422, "rule_broken")
VECTORS = Path(__file__).parents[1] / "vectors" / "malformed_emails.json"
# Lone surrogates never get this far: see test_hostile_json.
MALFORMED = [
    each
    for each in json.loads(VECTORS.read_text())
    if not re.search(r"[\ud800-\udfff]", each)
]
# A name without "@" is no address where one is due, but may be a user name.
NO_IDENTIFIERS = [each for each in MALFORMED if "@" in each]


def register(client, text):
    return client.post("/register", username="bob", email=text, password=PASSWORD)


def forgot(client, text):
    return client.post("/forgot-password", identifier=text)


def send(client, text):
    return client.post("/auth/otp", email=text)


def log_in(client, text):
    return client.post("/auth/login", identifier=text, password=PASSWORD)


def verify(client, text):
    return client.post("/auth/verify-otp", email=text, otp="123456")


def reset(client, text):
    return client.post(
        "/reset-password", email=text, otp="123456", new_password=PASSWORD
    )


@pytest.fixture
def app(make_app):
    return make_app(address_requests_per_minute=1000)


def test_there_are_many_ways_to_be_malformed():
    assert len(MALFORMED) >= 90


@pytest.mark.parametrize("route", [forgot, send, log_in, verify, reset])
def test_no_malformed_address_is_an_identifier(client, mailbox, route):
    answers = {text: route(client, text) for text in NO_IDENTIFIERS}

    assert {t: a for t, a in answers.items() if (a.status, a.code) != REFUSED} == {}
    assert mailbox.fetch() == []


def test_nobody_registers_with_a_malformed_address(client, mailbox):
    answers = {text: register(client, text) for text in MALFORMED}

    assert {t: a for t, a in answers.items() if (a.status, a.code) != REFUSED} == {}
    assert {a.payload["errors"][0]["field"] for a in answers.values()} == {"email"}
    assert mailbox.fetch() == []


def test_nobody_changes_to_a_malformed_address(client, mailbox, logged_in):
    inside = client.bearer(logged_in.payload["access_token"])
    mailbox.fetch()

    answers = {
        text: inside.post("/auth/contacts", email=text, current_password=PASSWORD)
        for text in MALFORMED
    }

    assert {t: a for t, a in answers.items() if (a.status, a.code) != REFUSED} == {}
    assert mailbox.fetch() == []
