"""Codes and links come from a row's id and the key, and match nothing else."""

import base64
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import codes, tokens

VECTORS = Path(__file__).parent / "vectors" / "hotp_truncation.json"
KEY = b"k" * 32
ID = "0123456789abcdef" * 2
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()))
def test_truncation_gives_the_published_code(vector):
    mac = bytes.fromhex(vector["mac"])

    assert codes.truncate(mac, digits=vector["digits"]) == vector["code"]


def test_truncation_keeps_leading_zeros():
    assert codes.truncate(bytes(32), digits=6) == "000000"


def test_truncation_drops_the_sign_bit():
    # RFC 4226 section 5.3: 0xffffffff counts as 0x7fffffff = 2147483647.
    assert codes.truncate(b"\xff" * 31 + b"\x00", digits=10) == "2147483647"


def test_otp_is_six_digits_that_match():
    code = codes.otp(KEY, "verify", ID)

    assert len(code) == 6
    assert set(code) <= set(string.digits)
    assert codes.otp_matches(code, KEY, "verify", ID)


@pytest.mark.parametrize(
    ("other", "key", "purpose", "code_id"),
    [
        ("key", b"l" * 32, "verify", ID),
        ("purpose", KEY, "reset", ID),
        ("row", KEY, "verify", ID[::-1]),
    ],
)
def test_code_and_link_of_another_row_do_not_match(other, key, purpose, code_id):
    code, token = codes.otp(KEY, "verify", ID), codes.link_token(KEY, "verify", ID)

    assert not codes.otp_matches(code, key, purpose, code_id)
    assert not codes.link_token_matches(token, key, purpose, code_id)


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("space before", " {}"),
        ("space behind", "{} "),
        ("line break", "{}\n"),
        ("padded", "0{}"),
        ("sign", "+{}"),
        ("NUL", "{}\0"),
        ("half a surrogate pair", "{}\ud800"),
    ],
)
def test_other_spellings_of_the_code_do_not_match(name, spelling):
    given = spelling.format(codes.otp(KEY, "login", ID))

    assert not codes.otp_matches(given, KEY, "login", ID)


@pytest.mark.parametrize("zero", ["\u0660", "\uff10", "\u0966", "\U0001d7ce"])
def test_digits_of_other_scripts_do_not_match(zero):
    code = codes.otp(KEY, "login", ID)
    shifted = "".join(chr(ord(zero) + int(digit)) for digit in code)

    # The trap: for Python both are the same number.
    assert int(shifted) == int(code)
    assert not codes.otp_matches(shifted, KEY, "login", ID)


@given(ANY_TEXT)
def test_matching_takes_any_text_without_raising(text):
    code, token = codes.otp(KEY, "login", ID), codes.link_token(KEY, "login", ID)

    assert codes.otp_matches(text, KEY, "login", ID) == (text == code)
    assert codes.link_token_matches(text, KEY, "login", ID) == (text == token)


def test_all_digits_occur_in_every_place_about_equally_often():
    made = [codes.otp(KEY, "verify", f"{n:032x}") for n in range(10_000)]

    counts = [
        column.count(digit)
        for column in zip(*made, strict=True)
        for digit in string.digits
    ]

    # 1,000 expected, standard deviation 30; the inputs are fixed, so is this.
    assert min(counts) > 880
    assert max(counts) < 1120


def test_link_token_names_its_row():
    token = codes.link_token(KEY, "reset", tokens.operation_id())

    assert codes.link_token_id(token) == token[:32]
    assert codes.link_token_matches(token, KEY, "reset", token[:32])


def test_code_cannot_be_computed_from_the_link():
    mac = base64.urlsafe_b64decode(codes.link_token(KEY, "reset", ID)[33:] + "=")

    assert codes.truncate(mac, digits=6) != codes.otp(KEY, "reset", ID)


@pytest.mark.parametrize(
    ("name", "mutate"),
    [
        ("prefix", lambda token: token[:-1]),
        ("suffix", lambda token: token[1:]),
        ("one more", lambda token: token + "A"),
        ("padded", lambda token: token + "="),
        ("line break", lambda token: token + "\n"),
        ("id in capitals", lambda token: token[:32].upper() + token[32:]),
        ("two dots", lambda token: token.replace(".", "..")),
        ("no MAC", lambda token: token[:33]),
        ("MAC alone", lambda token: token[33:]),
        ("other MAC", lambda token: token[:33] + "A" * 43),
        ("non-ASCII", lambda token: token[:-1] + "\u00e9"),
        ("half a surrogate pair", lambda token: token + "\ud800"),
    ],
)
def test_mutated_link_token_does_not_match(name, mutate):
    token = mutate(codes.link_token(KEY, "reset", "ab" * 16))

    assert not codes.link_token_matches(token, KEY, "reset", "ab" * 16)


def test_case_flip_of_any_character_does_not_match():
    token = codes.link_token(KEY, "reset", "ab" * 16)
    flips = {
        token[:at] + token[at].swapcase() + token[at + 1 :] for at in range(len(token))
    } - {token}

    assert not any(
        codes.link_token_matches(flip, KEY, "reset", "ab" * 16) for flip in flips
    )


def test_another_base64_spelling_of_the_mac_does_not_match():
    # 43 characters hold 258 bits, two more than the MAC: the last character of
    # the token has three neighbours that decode to the same bytes.
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    token = codes.link_token(KEY, "reset", ID)
    last = alphabet.index(token[-1])
    twins = [token[:-1] + alphabet[last ^ bits] for bits in (1, 2, 3)]

    matches = [codes.link_token_matches(twin, KEY, "reset", ID) for twin in twins]

    assert matches == [False, False, False]


@pytest.mark.parametrize("text", ["", ".", "abc", "0" * 32, f"{'g' * 32}.{'A' * 43}"])
def test_text_of_another_shape_names_no_row(text):
    assert codes.link_token_id(text) is None
