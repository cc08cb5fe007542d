"""What `jwt` accepts: our own live tokens, complete and of the right types."""

import json

import pytest

from authserver import errors, jwt
from tests.forging import (
    ABSENT,
    CLAIMS,
    HEADER,
    ISSUER,
    KEYRING,
    NOW,
    decode,
    dumped,
    refusal,
    signed,
    signed_raw,
    unpadded,
    vectors,
)


@pytest.mark.parametrize(
    "vector", vectors("jws_hs256"), ids=lambda vector: vector["source"]
)
def test_signature_matches_the_published_one(vector):
    made = jwt._sign(vector["signing_input"], unpadded(vector["key"]))

    assert made == vector["signature"]


@pytest.mark.parametrize(
    "vector", vectors("jws_hs256"), ids=lambda vector: vector["source"]
)
def test_well_signed_jws_that_is_no_access_token_is_refused(vector):
    token = f"{vector['signing_input']}.{vector['signature']}"
    kid = "018c0ae5-4d9b-471b-bfd6-eef314bc7037"  # as in RFC 7520

    with pytest.raises(errors.InvalidToken, match="not the header"):
        jwt.decode(
            token,
            keyring={kid: unpadded(vector["key"])},
            issuer="joe",
            audience="joe",
            now=1_300_819_000,
        )


def test_claims_survive_a_round_trip():
    token = jwt.encode(CLAIMS, keyring=KEYRING, kid="k1")

    assert decode(token) == CLAIMS


def test_header_names_algorithm_type_and_key():
    token = jwt.encode(CLAIMS, keyring=KEYRING, kid="k2")

    header = json.loads(unpadded(token.partition(".")[0]))

    assert header == {"alg": "HS256", "typ": "at+jwt", "kid": "k2"}


def test_other_text_than_ascii_survives_a_round_trip():
    token = jwt.encode(
        {**CLAIMS, "roles": ["\u00e9\U0001f600"]}, keyring=KEYRING, kid="k1"
    )

    assert decode(token)["roles"] == ["\u00e9\U0001f600"]


def test_claim_that_we_do_not_know_is_harmless():
    # An older server reads tokens of a newer one while both run.
    assert decode(signed(extra={"a": [1]}))["extra"] == {"a": [1]}


def test_rotation_accepts_the_old_key_until_it_is_gone():
    token = jwt.encode(CLAIMS, keyring=KEYRING, kid="k2")

    assert decode(token) == CLAIMS
    with pytest.raises(errors.InvalidToken, match="unknown key"):
        jwt.decode(token, keyring={"k1": b"k" * 32}, issuer="", audience="", now=NOW)


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "jti"])
@pytest.mark.parametrize("value", [ABSENT, None, 1, True, ["u1"], {"u1": 1}])
def test_text_claim_of_another_type_is_refused(name, value):
    assert refusal(signed(**{name: value})) == f"{name} must be text"


@pytest.mark.parametrize("name", ["iat", "exp", "auth_time"])
@pytest.mark.parametrize(
    "value", [ABSENT, None, True, str(NOW + 900), NOW + 900.0, 1e300, [NOW], {}]
)
def test_time_claim_of_another_type_is_refused(name, value):
    assert refusal(signed(**{name: value})) == f"{name} must be a whole number"


@pytest.mark.parametrize("name", ["amr", "roles"])
@pytest.mark.parametrize(
    "value", [ABSENT, None, "admin", {"admin": True}, [1], ["a", None], [["admin"]], 1]
)
def test_list_claim_of_another_type_is_refused(name, value):
    assert refusal(signed(**{name: value})) == f"{name} must be a list of text"


def test_no_roles_is_a_list_without_any():
    assert decode(signed(roles=[]))["roles"] == []


def test_exponent_beyond_floats_is_refused():
    claims = json.dumps(CLAIMS).replace(str(NOW + 900), "1e400").encode()
    token = signed_raw(dumped(HEADER), claims)

    assert refusal(token) == "exp must be a whole number"


@pytest.mark.parametrize(
    ("attack", "changes"),
    [
        ("another issuer", {"iss": "https://evil.example"}),
        ("issuer with a slash", {"iss": "https://auth.example/"}),
        ("issuer in capitals", {"iss": "HTTPS://AUTH.EXAMPLE"}),
        ("no issuer", {"iss": ""}),
        ("token for the bank", {"aud": "https://bank.example"}),
    ],
)
def test_token_of_or_for_somebody_else_is_refused(attack, changes):
    assert refusal(signed(**changes)) == "issued by or for somebody else"


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": NOW + 31},
        {"iat": NOW + 86400},
        {"exp": NOW - 30},
        {"exp": -1},
        {"exp": 0},
    ],
)
def test_token_outside_its_lifetime_is_refused(changes):
    assert refusal(signed(**changes)) == "outside its lifetime"


def test_token_dies_after_its_lifetime_plus_leeway():
    token = signed()
    last_second = NOW + 900 + 29

    assert decode(token, now=last_second) == CLAIMS
    assert refusal(token, now=last_second + 1) == "outside its lifetime"


def test_token_that_ended_is_still_known_as_ours_for_logging_out():
    token = signed(iat=1, exp=2)

    claims = jwt.decode_ended(token, keyring=KEYRING, issuer=ISSUER, audience=ISSUER)

    assert claims["sid"] == "s1"


@pytest.mark.parametrize(
    ("attack", "token", "reason"),
    [
        ("forged", signed(iat=1, exp=2)[:-4] + "AAAA", "bad signature"),
        ("another issuer", signed(iss="https://evil.example"), "somebody else"),
        ("exp of another type", signed(exp=None), "exp must be"),
    ],
)
def test_token_that_never_was_ours_logs_nobody_out(attack, token, reason):
    with pytest.raises(errors.InvalidToken, match=reason):
        jwt.decode_ended(token, keyring=KEYRING, issuer=ISSUER, audience=ISSUER)


def test_token_of_a_clock_that_is_a_little_ahead_is_accepted():
    token = signed()

    assert decode(token, now=NOW - 30) == CLAIMS
    assert refusal(token, now=NOW - 31) == "outside its lifetime"
