"""Forged access tokens, at the door they would open: GET /auth/me.

The verifier itself is tested in `test_jwt`. Here forgeries of all the known
kinds are signed with the server's own key wherever that helps them, name a live
session, and arrive as requests: algorithm confusion (PyJWT CVE-2017-11424,
CVE-2022-29217), claims that nobody checked (Argo CD CVE-2023-22482), bytes that
made the comparison raise, and a megabyte of dots (golang-jwt CVE-2025-30204).
"""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

import pytest

from tests.cpu import within

VECTORS = Path(__file__).parents[1] / "vectors"
ISSUER = "https://auth.example.org"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=="))


@pytest.fixture
def key(app):
    return app.keyring.derive("jwt", app.keyring.current)


@pytest.fixture
def sign(app, key):
    """Sign header and claims, given as objects or as JSON text."""

    def make(header, claims, *, key=key, digest=hashlib.sha256):
        parts = [
            each if isinstance(each, str) else json.dumps(each)
            for each in (header, claims)
        ]
        signing_input = ".".join(b64(part.encode()) for part in parts)
        return (
            f"{signing_input}.{b64(hmac.digest(key, signing_input.encode(), digest))}"
        )

    return make


@pytest.fixture
def good(logged_in):
    """The claims of a token that works."""
    return claims_of(logged_in.payload["access_token"])


@pytest.fixture
def header(app):
    return {"alg": "HS256", "typ": "at+jwt", "kid": app.keyring.current}


def accepted(client, tokens):
    """The names of the forgeries that were not refused as they should be."""
    answers = {
        name: client.bearer(token).get("/auth/me") for name, token in tokens.items()
    }
    return {
        name: (answer.status, answer.payload)
        for name, answer in answers.items()
        if (answer.status, answer.payload.get("code")) != (401, "invalid_token")
    }


def test_our_way_of_signing_makes_a_token_that_works(client, sign, header, good):
    # Else every refusal below could have this reason.
    assert client.bearer(sign(header, good)).get("/auth/me").status == 200


def test_no_other_header_passes(client, sign, header, good):
    vectors = json.loads((VECTORS / "jwt_headers.json").read_text())
    forged = {each["attack"]: each["header"] for each in vectors}
    mine = {
        name: each | {"kid": header["kid"]} if each.get("kid") == "k1" else each
        for name, each in forged.items()
    }

    assert len(mine) > 20
    assert accepted(client, {n: sign(h, good) for n, h in mine.items()}) == {}


def test_no_other_algorithm_passes_with_a_signature_of_its_own(
    client, sign, header, good, key
):
    longer = {
        name: sign(header | {"alg": name}, good, digest=digest)
        for name, digest in (("HS384", hashlib.sha384), ("HS512", hashlib.sha512))
    }
    unsigned = sign(header | {"alg": "none"}, good).rpartition(".")[0] + "."
    other_keys = {
        "an empty key": sign(header, good, key=b""),
        "the kid as key": sign(header, good, key=header["kid"].encode()),
        "the secret itself": sign(header, good, key=bytes(range(32))),
        "a public key": sign(header | {"alg": "RS256"}, good, key=b"-----BEGIN PUBLIC"),
    }

    assert accepted(client, longer | {"none": unsigned} | other_keys) == {}


def test_published_tokens_of_the_rfcs_open_nothing(client):
    vectors = json.loads((VECTORS / "jws_hs256.json").read_text())
    tokens = {
        each["source"]: f"{each['signing_input']}.{each['signature']}"
        for each in vectors
    }

    assert accepted(client, tokens) == {}


ODD_CLAIMS = {
    "another audience": {"aud": "https://other.example.org"},
    "a list of audiences": {"aud": [ISSUER]},
    "another issuer": {"iss": "https://other.example.org"},
    "the issuer with a slash": {"iss": ISSUER + "/"},
    "expiry as text": {"exp": "4000000000"},
    "expiry as a fraction": {"exp": 4e9},
    "expiry of true": {"exp": True},
    "negative expiry": {"exp": -1},
    "expired": {"exp": 1_700_000_000},
    "issued in the future": {"iat": 4_000_000_000},
    "issued as text": {"iat": "0"},
    "another user": {"sub": "019b2f7e-0000-7000-8000-000000000000"},
    "another session": {"sid": "019b2f7e-0000-7000-8000-000000000000"},
    "session as a number": {"sid": 0},
    "session as a list": {"sid": []},
    "roles as text": {"roles": "admin"},
    "no identifier": {"jti": None},
}


def test_no_odd_claim_passes_under_a_good_signature(client, sign, header, good):
    odd = {name: sign(header, good | odd) for name, odd in ODD_CLAIMS.items()}

    assert accepted(client, odd) == {}


def test_no_claim_may_be_missing(client, sign, header, good):
    missing = {
        name: sign(header, {n: v for n, v in good.items() if n != name})
        for name in good
    }

    assert accepted(client, missing) == {}


def test_json_with_two_readings_is_refused(client, sign, header, good):
    text = json.dumps(good)
    twice = {
        "sub twice": sign(header, text.replace("{", '{"sub": "x", ', 1)),
        "alg twice": sign(json.dumps(header).replace("{", '{"alg": "none", ', 1), text),
        "infinite expiry": sign(header, text.replace(str(good["exp"]), "1e400")),
        "expiry not a number": sign(header, text.replace(str(good["exp"]), "NaN")),
        "nested": sign(header, "[" * 2000),
        "a list": sign(header, [good]),
        "UTF-16": sign(header, text.encode("utf-16").decode("latin-1")),
    }

    assert accepted(client, twice) == {}


def test_claims_sent_as_a_token_type_of_our_own_do_not_pass(client, sign, header, good):
    others = {
        typ: sign(header | {"typ": typ}, good)
        for typ in ("JWT", "at+JWT", "application/at+jwt", "rt+jwt", "logout+jwt", "")
    }

    assert accepted(client, others) == {}


def test_no_secret_of_another_kind_is_an_access_token(
    client, mailbox, alice, logged_in
):
    client.post("/forgot-password", email=alice.email)
    code = mailbox.code(alice.email)
    validated = client.post("/validate-otp", email=alice.email, otp=code)
    session = client.cookie("__Host-session", logged_in.cookies["__Host-session"])
    others = {
        "the cookie": logged_in.cookies["__Host-session"],
        "a refresh token": logged_in.payload["refresh_token"],
        "a reset token": validated.payload["reset_token"],
        "a session's id": session.get("/session/active").payload["session"]["id"],
        "a user's id": alice.id,
        "a code": code,
    }

    assert accepted(client, others) == {}


def test_an_access_token_is_no_secret_of_another_kind(client, logged_in):
    token = logged_in.payload["access_token"]
    as_cookie = client.cookie("__Host-session", token).get("/auth/me")
    as_refresh = client.post("/auth/refresh", refresh_token=token)
    as_proof = client.post("/reset-password", token=token, new_password="a new phrase")

    codes = [each.code for each in (as_cookie, as_refresh, as_proof)]
    assert codes == ["invalid_token", "invalid_token", "invalid_code"]


def test_every_cut_and_every_change_of_a_live_token_is_refused(client, logged_in):
    token = logged_in.payload["access_token"]
    end = len(token)
    changed = {
        **{f"first {n}": token[:n] for n in (1, end // 2, end - 43, end - 1)},
        **{f"last {n}": token[-n:] for n in (1, 43, end // 2, end - 1)},
        "one more": token + "A",
        "padded": token + "=",
        "a dot more": token + ".",
        "four parts": token + ".e30",
        "upper case": token.upper(),
        "quoted": f'"{token}"',
        "twice": f"{token},{token}",
        "a blank inside": token[:9] + " " + token[9:],
        "a line break": token + "\n",
        "no-break space behind": token + "\xa0",
        "another last character": token[:-1] + ("A" if token[-1] != "A" else "B"),
    }

    assert accepted(client, changed) == {}


SIGNATURES = (b"\xff", b"\xe9" * 43, b"\xc3\xa9" * 21, b"\x80", b"", b"A" * 14_000)


@pytest.mark.parametrize("signature", SIGNATURES, ids=len)
def test_signature_of_any_bytes_is_refused_and_breaks_nothing(
    wire, logged_in, signature
):
    token = logged_in.payload["access_token"].rpartition(".")[0]

    answer = wire.request(
        "GET",
        "/auth/me",
        f"Authorization: Bearer {token}.{signature.decode('latin-1')}",
    )

    assert (answer.status, answer.code) == (401, "invalid_token")


def test_lone_surrogate_in_a_token_field_is_refused(client):
    body = rb'{"refresh_token": "\ud800.\udfff"}'

    assert client.send("POST", "/auth/refresh", body).code == "invalid_body"


@pytest.mark.parametrize(("dots", "status"), [(14_000, 401), (65_000, 431)])
def test_a_token_of_dots_costs_nothing(wire, dots, status):
    line = "Authorization: Bearer " + "." * dots

    def ask():
        assert wire.request("GET", "/auth/me", line).status == status

    assert within(0.1, ask, clock=time.process_time)
