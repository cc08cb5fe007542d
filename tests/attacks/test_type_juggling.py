"""Type juggling: values of another JSON type than the one that was meant.

`WHERE token = 0` finds the row 'abcdef' on MySQL, PHP thought "0e1" == "0e2",
and a dictionary's keys once became SQL (PyMySQL CVE-2024-36039). So every field
of every route is tried with every other type, under each of its names: always
400 with the field named, never an answer from further inside.
"""

import pytest

from authserver.web.api.fields import OtpField
from authserver.web.api.routes import ROUTES
from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

OTHERS = (0, 1, True, False, None, [], {}, 1e3, ["x"], {"a' OR 1=1 -- ": 1})
ROUTES_WITH_BODIES = [route for route in ROUTES if route.body]


def other_values(field):
    """Values that are not of the field's type."""
    if isinstance(field.example, bool):
        return [each for each in OTHERS if type(each) is not bool]
    if isinstance(field, OtpField):
        # 1e3 is a whole number too: JSON has but one kind.
        return [each for each in OTHERS if type(each) not in (int, float) or not each]
    return list(OTHERS)


def bodies(route):
    """Every field under each of its names with each value not of its type."""
    for field in route.body:
        rest = {each.name: each.example for each in route.body if each is not field}
        for name in (field.name, *field.aliases):
            for value in other_values(field):
                yield name, rest | {name: value}


@pytest.mark.parametrize("route", ROUTES_WITH_BODIES, ids=lambda route: route.paths[0])
def test_a_value_of_another_type_is_refused_and_named(client, route):
    answers = [
        (body, name, client.post(route.paths[0], **body))
        for name, body in bodies(route)
    ]

    assert answers
    assert [
        (body, answer)
        for body, name, answer in answers
        if (answer.status, answer.code) != (400, "invalid_body")
        or [fault["field"] for fault in answer.payload["errors"]] != [name]
    ] == []


@pytest.mark.parametrize("otp", [0, -1, 1_000_000, 10**15, 1.0, 123456.0, "0", True])
def test_only_a_number_of_six_digits_passes_for_a_code(client, alice, otp):
    answer = client.post("/auth/login", email=alice.email, otp=otp)

    assert answer.code in ("invalid_body", "invalid_code")


def test_a_code_as_a_number_is_the_same_code(client, mailbox, alice):
    client.post("/auth/otp", email=alice.email, purpose="login")
    code = mailbox.code(alice.email)

    assert client.post("/auth/login", email=alice.email, otp=int(code)).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/refresh", {"refresh_token": "0"}),
        ("/auth/refresh", {"refresh_token": ""}),
        ("/auth/login", {"email": "alice@example.org", "password": "0"}),
        ("/auth/login", {"email": "alice@example.org", "otp": "0"}),
        ("/auth/verify-otp", {"email": "alice@example.org", "otp": "0e0000"}),
        ("/validate-otp", {"email": "alice@example.org", "otp": "000000"}),
        ("/reset-password", {"new_password": "a new good phrase", "token": "0"}),
        ("/reset-password", {"new_password": "a new good phrase", "token": ""}),
    ],
)
def test_text_that_looks_like_nothing_matches_nothing(client, logged_in, path, body):
    assert client.post(path, **body).status == 401
