"""A line becomes a user in canonical form, or a reason that quotes nothing."""

import io
import json
import sys

import pytest

from authserver.flows import import_rows
from authserver.flows.import_rows import Refused, Row, Terms
from tests.conftest import START

BCRYPT = "$2b$04$" + 53 * "."
ARGON2 = f"$argon2id$v=19$m=64,t=1,p=1${22 * 'A'}${43 * 'A'}"
ALICE = {"username": "alice", "email": "alice@example.org", "password_hash": BCRYPT}


def read(*lines: bytes) -> list[Row | Refused]:
    return list(import_rows.read(io.BytesIO(b"\n".join(lines)), Terms("44", START)))


def read_one(**changes):
    fields = {name: value for name, value in (ALICE | changes).items() if value != ...}
    [outcome] = read(json.dumps(fields).encode())
    return outcome


def test_line_becomes_a_user_whose_contacts_are_proven():
    row = read_one(username=" Alice ", email="Alice@Example.ORG", phone="020 7946 0018")

    assert row.line == 1
    assert row.user._replace(id="") == import_rows.User(
        id="",
        username="alice",
        email="alice@example.org",
        email_verified_at=START,
        phone="+442079460018",
        phone_verified_at=START,
        password_hash=BCRYPT,
        password_version=1,
        roles="",
        created_at=START,
    )


def test_every_optional_field_is_taken_over():
    row = read_one(
        email=None,
        phone="+442079460018",
        password_hash=...,
        hash=ARGON2,
        email_verified=True,
        phone_verified=False,
        roles=["admin", "staff"],
        disabled=True,
        created_at="2020-01-31",
    )

    user = row.user
    assert (user.email_verified_at, user.phone_verified_at) == (None, None)
    assert user.password_hash == ARGON2
    assert user.roles == "admin staff"
    assert user.disabled_at == START
    assert user.created_at == 1_580_428_800


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"roles": "admin  staff"}, "roles", "admin staff"),
        ({"roles": None}, "roles", ""),
        ({"disabled": False}, "disabled_at", None),
        ({"created_at": 5}, "created_at", 5),
        ({"email_verified": False}, "email_verified_at", None),
        ({"phone": ""}, "phone", None),
    ],
)
def test_field_may_be_written_so(changes, field, value):
    assert getattr(read_one(**changes).user, field) == value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"username": ...}, "user name is missing"),
        ({"username": "a"}, "user name has 3 to 32"),
        ({"username": 7}, "username is no text"),
        ({"email": ...}, "neither an e-mail address nor a phone number"),
        ({"email": "alice"}, "not an e-mail address"),
        ({"phone": "12"}, "not a phone number"),
        ({"password_hash": ...}, "hash is missing"),
        ({"password_hash": ""}, "hash is missing"),
        ({"hash": BCRYPT}, "one is enough"),
        ({"password_hash": "swordfish"}, "no form of hash that is known"),
        ({"password_hash": "$2b$31$" + 53 * "."}, "no form of hash that is known"),
        (
            {"password_hash": ARGON2.replace("m=64", "m=99999999")},
            "impossible or too dear",
        ),
        ({"email_verified": "yes"}, "email_verified is neither true nor false"),
        ({"disabled": 0}, "disabled is neither true nor false"),
        ({"roles": "a,b"}, "no list of words"),
        ({"roles": [7]}, "no list of words"),
        ({"roles": {"admin": True}}, "no list of words"),
        ({"roles": [f"role{number}" for number in range(200)]}, "no list of words"),
        ({"created_at": START + 1}, "no moment of the past"),
        ({"created_at": -1}, "no moment of the past"),
        ({"created_at": True}, "no moment of the past"),
        ({"created_at": 1.5}, "no moment of the past"),
        ({"created_at": "long ago"}, "no moment of the past"),
        ({"is_active": False}, "is_active is not known here"),
        ({"email_verifed": False}, "email_verifed is not known here"),
        ({BCRYPT: 1}, "of odd name is not known here"),
    ],
)
def test_line_is_refused_for_its_reason_without_being_quoted(changes, reason):
    outcome = read_one(**changes)

    assert isinstance(outcome, Refused)
    assert reason in outcome.reason
    assert "$" not in outcome.reason
    assert "swordfish" not in outcome.reason


@pytest.mark.parametrize(
    "line",
    [
        b"alice,alice@example.org," + BCRYPT.encode(),
        b"{",
        b'{"username": "\xff"}',
        b"[" * 60_000,
        b"9" * 60_000,
    ],
    ids=["CSV", "cut off", "no UTF-8", "nested", "digits"],
)
def test_line_that_is_no_json_is_refused(line):
    assert read(line) == [Refused(1, "The line is not JSON in UTF-8.")]


@pytest.mark.parametrize("line", [b"[]", b'"alice"', b"null"])
def test_line_that_is_no_object_is_refused(line):
    assert read(line) == [Refused(1, "The line is no JSON object.")]


@pytest.mark.parametrize(
    "line",
    [
        b'{"username": "alice", "username": "root"}',
        b'{"roles": "staff", "email": "alice@example.org", "roles": "admin"}',
        b'{"disabled": true, "disab\\u006ced": false}',
    ],
)
def test_line_with_a_name_twice_is_refused(line):
    assert read(line) == [Refused(1, "A name occurs twice in the line.")]


def test_reason_of_a_hash_is_a_sentence():
    outcome = read_one(password_hash=f"scrypt$16383$salt$8$5${86 * 'A'}==")

    assert outcome.reason == (
        "The password hash has an N of scrypt that is no power of two."
    )


def test_blank_lines_line_ends_and_a_byte_order_mark_are_skipped():
    good = json.dumps(ALICE).encode()

    rows = read(b"\xef\xbb\xbf" + good + b"\r", b"", b"  \r", good, b"")

    assert [row.line for row in rows] == [1, 4]
    assert {row.user.username for row in rows} == {"alice"}


def test_endless_line_is_refused_in_little_memory_and_the_next_one_read():
    good = json.dumps(ALICE).encode()

    first, second = read(b'{"email": "' + b"x" * 10_000_000, good)

    assert first == Refused(1, "The line is too long.")
    assert second.user.username == "alice"


def test_hash_that_this_installation_cannot_check_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "argon2", None)  # as if not installed

    outcome = read_one(password_hash=ARGON2)

    assert "pip install argon2-cffi" in outcome.reason
