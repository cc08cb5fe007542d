r"""Hostile JSON: what Python's parser takes, or breaks at, and JSON is not.

NaN, names that occur twice, UTF-16, a number of 5,000 digits (ValueError), a
hundred thousand brackets (RecursionError), half a surrogate pair, which breaks
later, at the first encoding or in the database. One of each to every route, in
every field: always 400, never 500, and nobody's thread dies.
"""

import json

import pytest

from authserver.web.api.routes import ROUTES

ROUTES_WITH_BODIES = [route for route in ROUTES if route.method == "POST"]
IDS = [f"{route.method} {route.paths[0]}" for route in ROUTES_WITH_BODIES]
VALUES = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "1e999": "1e999",
    "5,000 digits": "9" * 5000,
    "5,000 fraction digits": "0." + "1" * 5000,
    "2**53 + 1": str(2**53 + 1),
    "half a pair": r'"\ud800"',
    "half a pair inside": r'"a\udfffb"',
    "pair the wrong way": r'"\udc00\ud800"',
    "nested lists": "[" * 5_000 + "]" * 5_000,
    "nested objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "a control character": '"a\nb"',
    "an unknown escape": r'"\x41"',
    "a half escape": r'"\u12"',
    "single quotes": "'a'",
    "a hexadecimal number": "0x10",
    "a leading zero": "0123456",
    "nothing": "",
}
WHOLE = {
    "100,000 brackets": b"[" * 60_000,
    "100,000 braces": b'{"a":' * 13_000,
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "null": b"null",
    "two objects": b"{}{}",
    "a comma behind": b'{"a": 1,}',
    "a comment": b"{} // x",
    "half an object": b'{"a": ',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "Latin-1": b'{"a": "\xe9"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "NUL": b"\0",
    "blanks": b"   ",
    "random bytes": bytes(range(128, 256)) * 100,
}


def unlike_400(answers):
    return {
        name: (answer.status, answer.payload)
        for name, answer in answers.items()
        if (answer.status, answer.payload.get("code")) != (400, "invalid_body")
    }


def bodies(route):
    """Each hostile value in each declared field, and in one nobody declared."""
    for name in (*(each.name for each in route.body), "undeclared"):
        rest = {each.name: each.example for each in route.body if each.name != name}
        before = json.dumps(rest)[:-1] + (", " if rest else "")
        for what, value in VALUES.items():
            yield f"{what} as {name}", f'{before}"{name}": {value}}}'.encode()


@pytest.mark.parametrize("route", ROUTES_WITH_BODIES, ids=IDS)
def test_hostile_values_are_refused_in_every_field(client, route):
    answers = {
        name: client.send("POST", route.paths[0], body) for name, body in bodies(route)
    }

    assert len(answers) >= len(VALUES)
    assert unlike_400(answers) == {}


@pytest.mark.parametrize("route", ROUTES_WITH_BODIES, ids=IDS)
def test_hostile_bodies_are_refused_everywhere(client, route):
    answers = {
        name: client.send("POST", route.paths[0], body) for name, body in WHOLE.items()
    }

    assert unlike_400(answers) == {}


@pytest.mark.parametrize("route", ROUTES_WITH_BODIES, ids=IDS)
def test_a_field_that_occurs_twice_is_refused(client, route):
    doubled = {
        each.name: json.dumps({n.name: n.example for n in route.body})[:-1]
        + f', "{each.name}": {json.dumps(each.example)}}}'
        for each in route.body
    }
    answers = {
        name: client.send("POST", route.paths[0], body.encode())
        for name, body in doubled.items()
    }

    assert unlike_400(answers) == {}


@pytest.mark.parametrize("route", ROUTES_WITH_BODIES, ids=IDS)
def test_one_field_under_two_names_is_refused(client, route):
    rest = {each.name: each.example for each in route.body}
    answers = {
        alias: client.post(route.paths[0], **rest, **{alias: each.example})
        for each in route.body
        for alias in each.aliases
    }

    assert unlike_400(answers) == {}


@pytest.mark.parametrize(("name", "body"), WHOLE.items(), ids=WHOLE)
def test_the_connection_lives_on(wire, name, body):
    kind = "Content-Type: application/json"

    assert wire.request("POST", "/auth/login", kind, body=body).status == 400
    assert wire.request("GET", "/healthz").status == 200


ODD_BUT_TEXT = (
    "\0",
    "a\0b",
    "\u200b",
    "\u2028",
    "\U0001f600",
    "\x7f",
    "\ufeff",
    "\u202e",
)


@pytest.mark.parametrize("route", ROUTES_WITH_BODIES, ids=IDS)
def test_odd_characters_reach_no_place_that_breaks(client, route):
    fields = [each for each in route.body if isinstance(each.example, str)]
    answers = [
        client.post(
            route.paths[0],
            **{each.name: each.example for each in route.body} | {field.name: text},
        )
        for field in fields
        for text in ODD_BUT_TEXT
    ]

    assert not [answer for answer in answers if answer.status >= 500]
