r"""Passwords cut off: bcrypt knows 72 bytes, and libraries dropped the rest.

At Okta, in 2024, a login passed without its password, because id and user name
filled those 72 bytes. C libraries stop at NUL; HMAC, inside scrypt, pads with
it. So for pairs of passwords that such a habit makes equal, only the exact
one may open the account.
"""

import base64
import hashlib
import hmac

import pytest

from authserver.passwords.hasher import Hasher

WORDS = "seven quiet otters paddle upstream past the old mill before it is light"
EDGE = f"{WORDS}!"  # 72 bytes, all that bcrypt takes
UMLAUTS = "sieben stille Otter pürschen flussaufwärts, "
PAIRS = {
    "72 bytes and more": (EDGE, EDGE + "x"),
    "more and 72 bytes": (EDGE + "x", EDGE),
    "byte 73": (EDGE + "a", EDGE + "b"),
    "byte 80": (EDGE + "1234567a", EDGE + "1234567b"),
    "the last of 128": (EDGE + WORDS[:55] + "a", EDGE + WORDS[:55] + "b"),
    "a character across the border": (WORDS + "\u20ac", WORDS + "\u20ad"),
    "the character across it missing": (WORDS + "\u20ac", WORDS),
    "many bytes per character": (
        UMLAUTS + "\u20ac" * 20 + "a",
        UMLAUTS + "\u20ac" * 20,
    ),
    "behind a NUL": ("otters\0paddle", "otters\0waddle"),
    "before a NUL": ("otters paddle\0", "otters paddle"),
    "a long one behind a NUL": (f"{WORDS}\0{WORDS[:50]}a", f"{WORDS}\0{WORDS[:50]}b"),
    "blanks around": ("otters paddle ", "otters paddle"),
    "composed and decomposed": ("\u00e9t\u00e9 au moulin", "e\u0301te\u0301 au moulin"),
    "upper case": ("Otters paddle", "otters paddle"),
}


def account(client, mailbox, password):
    email = "otto@example.org"
    registered = client.post(
        "/register", username="otto", email=email, password=password
    )
    assert registered.status == 201, registered
    assert client.post("/otp", email=email, otp=mailbox.code(email)).status == 200


def log_in(client, password):
    return client.post("/auth/login", username="otto", password=password)


@pytest.mark.parametrize(("password", "twin"), PAIRS.values(), ids=PAIRS)
def test_only_the_exact_password_opens(client, mailbox, password, twin):
    account(client, mailbox, password)

    assert log_in(client, twin).code == "invalid_credentials"
    assert log_in(client, password).status == 200


@pytest.mark.parametrize(
    "pair", ["byte 73", "behind a NUL", "before a NUL", "a long one behind a NUL"]
)
def test_scrypt_makes_the_same_difference(pair):
    hasher = Hasher("scrypt", bcrypt_rounds=4)
    password, twin = PAIRS[pair]
    stored = hasher.hash(password)

    assert not hasher.verify(twin, stored)
    assert hasher.verify(password, stored)


def test_what_a_long_password_becomes_is_not_one_itself(client, mailbox):
    account(client, mailbox, EDGE + "x")
    mac = hmac.digest(b"authserver long password", f"{EDGE}x".encode(), hashlib.sha256)
    condensed = base64.b64encode(mac).decode()

    assert log_in(client, condensed).code == "invalid_credentials"


@pytest.mark.parametrize("chars", [129, 1024])
def test_too_long_a_password_is_refused_and_not_cut(client, chars):
    password = (WORDS * 15)[:chars]

    refused = client.post(
        "/register", username="otto", email="otto@example.org", password=password
    )

    assert (refused.status, refused.code) == (422, "rule_broken")
    assert log_in(client, password).code == "invalid_credentials"


@pytest.mark.parametrize("path", ["/register", "/auth/login"])
def test_enormous_password_is_refused_before_it_costs_anything(client, path):
    body = {"username": "otto", "password": WORDS * 60}

    assert client.post(path, **body).code == "invalid_body"
