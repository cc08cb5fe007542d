"""Tokens cannot be guessed, digests take any text, ids sort by time."""

import base64
import re
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authserver import tokens

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # surrogates included
NOW = 1_700_000_007  # in milliseconds its lowest bits are not all zero


def test_token_is_43_url_safe_characters_of_32_bytes():
    token = tokens.new()

    assert re.fullmatch("[A-Za-z0-9_-]{43}", token)
    assert len(base64.urlsafe_b64decode(token + "=")) == 32


def test_tokens_and_ids_do_not_repeat():
    made = {
        make()
        for make in (tokens.new, tokens.operation_id, tokens.request_id)
        for _ in range(1000)
    }

    assert len(made) == 3000


def test_digest_is_sha_256_in_hex():
    # FIPS 180-4, the example of one block.
    assert tokens.digest("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@given(ANY_TEXT, ANY_TEXT)
@example("\ud800", "?")
@example("\ud83d\ude00", "\U0001f600")
@example("token", "token ")
def test_digest_takes_any_text_and_tells_texts_apart(one, other):
    assert (tokens.digest(one) == tokens.digest(other)) == (one == other)


def test_successor_is_the_same_each_time_it_is_asked_for():
    first = tokens.successor(b"key", "token", "nonce")

    assert first == tokens.successor(b"key", "token", "nonce")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", first)


def test_successor_depends_on_key_token_and_nonce():
    made = {
        tokens.successor(b"key", "token", "nonce"),
        tokens.successor(b"other", "token", "nonce"),
        tokens.successor(b"key", "tokens", "nonce"),
        tokens.successor(b"key", "token", "nonces"),
        tokens.successor(b"key", "tokenn", "once"),
    }

    assert len(made) == 5


@given(ANY_TEXT)
def test_successor_takes_any_token_a_stranger_presents(token):
    assert len(tokens.successor(b"key", token, "0" * 32)) == 43


def test_row_id_is_a_version_7_uuid_that_holds_the_time():
    row_id = uuid.UUID(tokens.new_id(NOW))

    assert row_id.version == 7
    assert row_id.variant == uuid.RFC_4122
    assert row_id.int >> 80 == NOW * 1000


def test_row_ids_sort_by_the_second_they_were_made_in():
    made = [tokens.new_id(second) for second in range(NOW, NOW + 100)]

    assert made == sorted(made)


@pytest.mark.parametrize("start", [0, 4095, 16_383, 2**14 - 50, 2**26 - 100])
def test_row_ids_of_one_second_sort_by_the_order_given(start):
    made = [tokens.new_id(NOW, order=start + n) for n in range(100)]

    assert made == sorted(made)
    assert {uuid.UUID(each).version for each in made} == {7}
    assert {uuid.UUID(each).variant for each in made} == {uuid.RFC_4122}
    assert len({each[-12:] for each in made}) == 100  # the rest is random


def test_row_ids_of_one_second_differ():
    assert len({tokens.new_id(NOW) for _ in range(1000)}) == 1000


def test_row_id_keeps_all_its_random_bits():
    # Version and variant may not wipe out more than their six bits.
    seen = 0
    for _ in range(200):
        seen |= uuid.UUID(tokens.new_id(0)).int

    assert seen == (0x7FFF << 64) | (0xBFFF << 48) | ((1 << 48) - 1)


@given(st.integers())
def test_row_id_survives_a_broken_clock(now):
    assert uuid.UUID(tokens.new_id(now)).version == 7


def test_operation_and_request_ids_are_hex_of_16_and_8_bytes():
    assert re.fullmatch("[0-9a-f]{32}", tokens.operation_id())
    assert re.fullmatch("[0-9a-f]{16}", tokens.request_id())
