"""Every known way of forging an access token is refused, for its own reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import jwt
from tests.cpu import within
from tests.forging import (
    CLAIMS,
    HEADER,
    KEYRING,
    b64,
    dumped,
    headed,
    refusal,
    signed,
    signed_raw,
    unpadded,
    vectors,
)


@pytest.mark.parametrize("row", vectors("jwt_headers"), ids=lambda row: row["attack"])
def test_header_other_than_ours_is_refused(row):
    # Each has a good signature: the header alone decides.
    token = signed_raw(dumped(row["header"]), dumped(CLAIMS))

    assert refusal(token) == "not the header of an access token"


@pytest.mark.parametrize(
    "kid",
    [None, "", "k3", "K1", "k1 ", "../../dev/null", "k1\0", "' OR 1=1 --", 0, 1, True,
     ["k1"], {"k1": 1}, 1.5],
)  # fmt: skip
def test_kid_that_names_no_key_of_ours_is_refused(kid):
    assert refusal(headed(kid=kid)) == "unknown key"


def test_unsigned_token_is_refused():
    token = f"{b64(dumped(HEADER))}.{b64(dumped(CLAIMS))}."

    assert refusal(token) == "bad signature"


def test_key_that_is_another_keys_signature_is_refused():
    token = signed_raw(dumped(HEADER), dumped(CLAIMS), KEYRING["k2"])

    assert refusal(token) == "bad signature"


@pytest.mark.parametrize(
    ("attack", "mutate"),
    [
        ("no signature", lambda signature: ""),
        ("prefix", lambda signature: signature[:-1]),
        ("longer", lambda signature: signature + "A"),
        ("other case", lambda signature: signature.swapcase()),
        ("all zero", lambda signature: "A" * 43),
        ("ten times", lambda signature: signature * 10),
        ("hex", lambda signature: unpadded(signature).hex()),
        ("decoded and encoded otherwise", lambda signature: signature[:-4] + "AAAA"),
    ],
)
def test_other_signature_is_refused(attack, mutate):
    signing_input, _, signature = signed().rpartition(".")

    assert refusal(f"{signing_input}.{mutate(signature)}") == "bad signature"


def test_other_base64_spelling_of_the_signature_is_refused():
    # 43 characters hold 258 bits, two more than the MAC has. Decoders ignore
    # them, so that a token has four spellings; one of them is ours.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = signed()
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]

    assert unpadded(twin.rpartition(".")[2]) == unpadded(token.rpartition(".")[2])
    assert refusal(twin) == "bad signature"


@pytest.mark.parametrize(
    ("attack", "token"),
    [
        ("empty", ""),
        ("one part", "abc"),
        ("two parts", "abc.def"),
        ("four parts", signed() + ".x"),
        ("five parts, an encrypted one", "a.b.c.d.e"),
        ("non-ASCII", signed() + "\u00e9"),
        ("non-ASCII signature", signed().rpartition(".")[0] + ".\u00e9"),
        ("half a surrogate pair", signed() + "\ud800"),
        ("digits of another script", signed() + "\u0661"),
        ("padded signature", signed() + "="),
        ("padded header", "e30=.e30.AAAA"),
        ("standard alphabet", "e30+.e30.AAAA"),
        ("standard alphabet", "e30/.e30.AAAA"),
        ("blank in front", " " + signed()),
        ("blank inside", signed().replace(".", " .", 1)),
        ("line break behind", signed() + "\n"),
        ("line break inside", signed().replace(".", "\n.", 1)),
        ("NUL", signed() + "\0"),
        ("percent encoded", "%7B%7D.e30.AAAA"),
        ("no header", ".e30.AAAA"),
        ("no claims", "e30..AAAA"),
        ("too long, though well signed", signed(extra="a" * 4096)),
        ("a megabyte", "a" * 2**20 + ".."),
    ],
    ids=lambda value: value if len(value) < 40 else "",
)
def test_text_that_is_no_compact_jws_is_refused(attack, token):
    assert refusal(token) == "not a compact JWS"


def test_millions_of_dots_take_no_time():
    token = "." * 64 * 1024

    assert refusal(token) == "not a compact JWS"
    assert within(0.005, lambda: refusal(token))


@pytest.mark.parametrize(
    ("attack", "segment"),
    [
        ("one character", "A"),
        ("five characters", "AAAAA"),
        ("not UTF-8", b64(b"\xff\xfe{}")),
        ("UTF-16", b64('{"alg":"HS256"}'.encode("utf-16"))),
        ("UTF-8 with a byte order mark", b64(b"\xef\xbb\xbf{}")),
        ("not JSON", b64(b"{alg:HS256}")),
        ("two values", b64(b"{}{}")),
        ("NaN", b64(b'{"alg":NaN}')),
        ("Infinity", b64(b'{"alg":-Infinity}')),
        ("deep nesting", b64(b"[" * 2900)),
        ("duplicate name", b64(b'{"alg":"none","alg":"HS256"}')),
        ("duplicate name, nested", b64(b'{"a":{"b":1,"b":2}}')),
    ],
)
def test_header_that_is_not_strict_json_is_refused(attack, segment):
    assert refusal(f"{segment}.e30.AAAA") == "a segment is not base64url of JSON"


@pytest.mark.parametrize("value", [b"[]", b"null", b"1", b'"HS256"', b"true"])
def test_header_that_is_no_object_is_refused(value):
    assert refusal(f"{b64(value)}.e30.AAAA") == "a segment is not a JSON object"


@pytest.mark.parametrize(
    ("attack", "claims"),
    [
        ("duplicate sub", b'{"sub":"u1","sub":"u2"}'),
        ("NaN", b'{"exp":NaN}'),
        ("not JSON", b"exp=1"),
        ("number that does not end", b'{"exp":' + b"9" * 2900 + b"e}"),
    ],
)
def test_signed_claims_that_are_not_strict_json_are_refused(attack, claims):
    token = signed_raw(dumped(HEADER), claims)

    assert refusal(token) == "a segment is not base64url of JSON"


def test_signature_is_checked_before_the_claims_are_read():
    # Broken claims with a bad signature: the signature is what is noticed.
    token = f"{b64(dumped(HEADER))}.A.AAAA"

    assert refusal(token) == "bad signature"


def test_every_prefix_and_suffix_is_refused():
    token = jwt.encode(CLAIMS, keyring=KEYRING, kid="k1")
    parts = {token[:at] for at in range(len(token))}
    parts |= {token[at:] for at in range(1, len(token))}

    reasons = {refusal(part) for part in parts}

    assert len(parts) == 2 * len(token) - 1
    assert reasons


def test_every_single_changed_character_is_refused():
    token = jwt.encode(CLAIMS, keyring=KEYRING, kid="k1")
    forged = [
        token[:at] + ("B" if token[at] == "A" else "A") + token[at + 1 :]
        for at in range(len(token))
    ]

    reasons = {refusal(twin) for twin in forged}

    assert "bad signature" in reasons


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_text_is_refused_and_nothing_else_happens(text):
    refusal(text)


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=40))
def test_any_bytes_in_the_shape_of_a_token_are_refused(header, claims, signature):
    refusal(".".join((b64(header), b64(claims), b64(signature))))


def test_no_secret_reaches_the_log():
    token = signed(exp=1)

    assert token not in refusal(token)
    assert "k" * 32 not in refusal(token)
