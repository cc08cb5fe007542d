"""A reset for an address that only looks like the victim's, after case mapping.

Django matched addresses by upper case and mailed the reset to what was typed
(CVE-2019-19844): "m\u0131ke@example.org" (dotless i) became MIKE@EXAMPLE.ORG.
GitHub had the same hole. Here only ASCII is an address, and mail goes to the
stored text.
"""

import pytest

TWINS = (
    "m\u0131ke@example.org",  # dotless i: upper() makes it I
    "M\u0130KE@example.org",  # I with a dot: lower() makes it i and a dot
    "mi\u212ae@example.org",  # Kelvin sign: lower() makes it k
    "\uff4dike@example.org",  # full-width m: NFKC makes it m
    "mike@example.\uff4frg",
    "mike@ex\u0430mple.org",  # Cyrillic a
    "mike\u200b@example.org",  # zero-width space
    "mike\u00ad@example.org",  # soft hyphen: NFKC casefold drops it
    "mike@example\u3002org",  # ideographic full stop: IDNA makes it a dot
    "mike@\u017fexample.org",  # long s: upper() makes it S
    "\ufb01mike@example.org",  # the ligature fi
    "mike@example.org\u0000",
    "mike@example.org\n",
)


@pytest.fixture
def mike(join):
    return join("mike")


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("path", ["/auth/password/forgot", "/auth/otp"])
def test_twin_gets_no_mail(client, mailbox, mike, twin, path):
    mailbox.fetch()

    assert client.post(path, identifier=twin).status == 422
    assert mailbox.fetch() == []


@pytest.mark.parametrize("twin", TWINS)
def test_twin_cannot_register(client, mailbox, mike, twin):
    mailbox.fetch()
    body = {"username": "mallory", "password": "correct horse battery"}

    assert client.post("/auth/register", email=twin, **body).status == 422
    assert mailbox.fetch() == []


def test_other_case_reaches_the_stored_address(client, mailbox, mike):
    mailbox.fetch()

    client.post("/auth/password/forgot", email=" MIKE@Example.ORG\t")

    assert [letter.recipient for letter in mailbox.fetch()] == ["mike@example.org"]


@pytest.mark.parametrize("twin", ["m\u0131ke", "mi\u212ae", "\uff4dike", "mike\u200b"])
def test_user_names_have_no_twins_either(client, mike, twin):
    body = {"email": "mallory@example.com", "password": "correct horse battery"}

    assert client.post("/auth/register", username=twin, **body).status == 422
