"""JSON bodies: one object, one reading, and a refusal for everything else."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import errors
from authserver.web import json_body
from tests.cpu import within

SURROGATE = rb"\ud800"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", {}),
        (b"{}", {}),
        (
            b' {"a" : [1, -2.5e3, true, null, "x"]} \n',
            {"a": [1, -2500, True, None, "x"]},
        ),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
        ('{"n\u00e4me": "\U0001f600"}'.encode(), {"n\u00e4me": "\U0001f600"}),
        (rb'{"a": "\ud83d\ude00\u0000"}', {"a": "\U0001f600\0"}),
        (b'{"a": 9007199254740992}', {"a": 2**53}),
        (b'{"a": -9007199254740992}', {"a": -(2**53)}),
        (b'{"a": 1e308}', {"a": 1e308}),
        (b'{"a": 0.' + b"1" * 38 + b"}", {"a": 1 / 9}),
        (b'{"a": "]]]]{{{{[[[["}', {"a": "]]]]{{{{[[[["}),
    ],
)
def test_object_is_decoded(body, value):
    assert json_body.decode(body) == value


@pytest.mark.parametrize(
    ("attack", "body", "reason"),
    [
        ("blank body", b" ", "not JSON"),
        ("NUL body", b"\0", "not JSON"),
        ("a form", b"a=b", "not JSON"),
        ("half an object", b'{"a":', "not JSON"),
        ("two objects", b"{}{}", "not JSON"),
        ("trailing comma", b'{"a": 1,}', "not JSON"),
        ("comment", b'{"a": 1} // b', "not JSON"),
        ("single quotes", b"{'a': 1}", "not JSON"),
        ("line break in a string", b'{"a": "\n"}', "not JSON"),
        ("leading zero", b'{"a": 01}', "not JSON"),
        ("plus sign", b'{"a": +1}', "not JSON"),
        ("hexadecimal", b'{"a": 0x1}', "not JSON"),
        ("array", b"[]", "not an object"),
        ("string", b'"a"', "not an object"),
        ("null", b"null", "not an object"),
        ("number", b"5", "not an object"),
        ("NaN", b'{"a": NaN}', "NaN is not JSON"),
        ("Infinity", b'{"a": Infinity}', "Infinity is not JSON"),
        ("-Infinity", b'{"a": [-Infinity]}', "-Infinity is not JSON"),
        ("1e999", b'{"a": 1e999}', "number too large"),
        ("-1e999", b'{"a": -1e999}', "number too large"),
        ("fraction of 41", b'{"a": 0.' + b"1" * 39 + b"}", "too long"),
        ("endless fraction", b'{"a": 0.' + b"1" * 5000 + b"}", "too long"),
        ("2**53 + 1", b'{"a": 9007199254740993}', "integer beyond"),
        ("-(2**53) - 1", b'{"a": -9007199254740993}', "integer beyond"),
        ("5,000 digits", b'{"a": ' + b"9" * 5000 + b"}", "integer beyond"),
        ("64 KiB of digits", b'{"a": ' + b"9" * 65_000 + b"}", "integer beyond"),
        ("duplicate name", b'{"a": 1, "a": 1}', "occurs twice"),
        ("duplicate deep down", b'{"b": [{"a": 1, "a": 2}]}', "occurs twice"),
        ("duplicate by escape", rb'{"a": 1, "\u0061": 2}', "occurs twice"),
        ("UTF-16", '{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ("UTF-16 without a mark", '{"a": 1}'.encode("utf-16-le"), "not JSON"),
        ("Latin-1", b'{"a": "\xe9"}', "not UTF-8"),
        ("overlong UTF-8", b'{"a": "\xc0\xaf"}', "not UTF-8"),
        ("surrogate in UTF-8", b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ("byte order mark", b"\xef\xbb\xbf{}", "byte order mark"),
        ("lone surrogate", b'{"a": "' + SURROGATE + b'"}', "lone surrogate"),
        ("surrogate in a name", b'{"' + SURROGATE + b'": 1}', "lone surrogate"),
        ("surrogate deep down", b'{"a": [["' + SURROGATE + b'"]]}', "lone surrogate"),
        ("reversed pair", rb'{"a": "\ude00\ud83d"}', "lone surrogate"),
        ("33 levels", b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "nested too deeply"),
        ("33 objects", b'{"a":' * 33 + b"1" + b"}" * 33, "nested too deeply"),
        ("100,000 levels", b"[" * 100_000, "nested too deeply"),
        ("100,000 objects", b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_json_attack_of_row_c21_is_refused(attack, body, reason):
    with pytest.raises(errors.InvalidBody, match=reason):
        json_body.decode(body)


def test_32_levels_are_decoded():
    body = b'{"a":' + b"[" * 31 + rb'"\u0061"' + b"]" * 31 + b"}"

    assert json_body.decode(body)["a"][0]


def test_many_small_arrays_are_not_deep():
    assert len(json_body.decode(b'{"a": [' + b"[]," * 100 + b"[]]}")["a"]) == 101


def test_surrogate_at_the_deepest_level_is_seen():
    body = b'{"a":' + b"[" * 31 + b'"' + SURROGATE + b'"' + b"]" * 31 + b"}"

    with pytest.raises(errors.InvalidBody, match="lone surrogate"):
        json_body.decode(body)


def test_repeated_name_is_named_to_the_sender():
    with pytest.raises(errors.InvalidBody) as refusal:
        json_body.decode(b'{"b": 1, "password": 1, "password": 2}')

    assert refusal.value.faults == (
        errors.FieldFault("password", "This name occurs twice.", "repeated"),
    )


@pytest.mark.parametrize("name", ["a" * 65, "\u202e", "\\ud800"])
def test_repeated_name_that_is_no_text_for_a_person_is_not_repeated(name):
    with pytest.raises(errors.InvalidBody) as refusal:
        json_body.decode(f'{{"{name}": 1, "{name}": 2}}'.encode())

    assert refusal.value.faults == ()


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' + b"9" * 65_000 + b"}",
        b'{"a": "' + rb"\u0061" * 10_000 + b'"}',
        b'{"a": [' + b"[]," * 20_000 + b"[]]}",
        b'{"a":' * 10_000,
        b'{"a": "' + b"\\" * 65_000,
        b" " * 65_000,
        b'{"a": 1' + b"," * 65_000,
    ],
)
def test_worst_bodies_take_less_than_half_a_second(body):
    def read():
        with contextlib.suppress(errors.InvalidBody):
            json_body.decode(body)

    assert within(0.5, read)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_an_object_or_a_refusal(body):
    for candidate in (body, b'{"a":' + body + b"}", b'{"' + body + b'":1}'):
        with contextlib.suppress(errors.InvalidBody):
            assert isinstance(json_body.decode(candidate), dict)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(max_size=3), children, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.booleans())
def test_what_json_writes_is_read_back(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert json_body.decode(text.encode()) == value


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        ("application/json", True),
        ("Application/JSON", True),
        ("application/json; charset=utf-8", True),
        ('application/json;charset="UTF-8"', True),
        ("application/json ;", True),
        (None, False),
        ("", False),
        ("text/plain", False),
        ("text/json", False),
        ("application/jsonp", False),
        ("application/json, text/plain", False),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=utf-8; charset=utf-16", False),
        ("application/problem+json", False),
        ("application/x-www-form-urlencoded", False),
        (" application/json", False),
    ],
)
def test_media_type_is_json_in_utf_8_or_refused(content_type, is_json):
    assert json_body.media_type_is_json(content_type) is is_json
