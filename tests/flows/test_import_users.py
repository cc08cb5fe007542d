"""Imported users are there at once, each line with a verdict of its own."""

import io
import json
from pathlib import Path

import pytest

from authserver.flows import import_rows, import_users
from authserver.flows.import_rows import Refused, Terms
from authserver.flows.import_users import Taken
from tests.conftest import START

VECTORS = Path(__file__).parents[1] / "vectors"
FOREIGN = json.loads((VECTORS / "foreign_hashes.json").read_text())
BCRYPT = "$2b$04$" + 53 * "."


def rows(*people: dict[str, object]):
    lines = "\n".join(json.dumps({"hash": BCRYPT} | person) for person in people)
    return import_rows.read(io.BytesIO(lines.encode()), Terms("", START))


def person(name: str, **fields: object) -> dict[str, object]:
    return {"username": name, "email": f"{name}@example.org", **fields}


def numbered(count: int) -> list[dict[str, object]]:
    return [person(f"user{number}") for number in range(count)]


def runs(app):
    return {
        "run": lambda rows: list(import_users.run(app, rows)),
        "rehearse": lambda rows: list(import_users.rehearse(app.database, rows)),
    }


@pytest.fixture(params=["run", "rehearse"])
def judge(app, request):
    """Both ways to go through a file: they agree on every line."""
    return runs(app)[request.param]


def test_every_line_has_its_verdict(alice, judge):
    outcomes = judge(
        rows(
            person("alice"),
            person("alice", email="other@example.org"),
            person("bob", email="alice@example.org"),
            person("carol", phone="+442079460018"),
            person("dave", phone="+442079460018"),
            person("carol", email="carol2@example.org"),
            person("erin", email="carol@example.org"),
            {"username": "frank"},
            person("grace"),
        )
    )

    assert outcomes == [
        Refused(1, "This user is here already."),
        Refused(2, "The user name is taken."),
        Refused(3, "The e-mail address is in use."),
        Taken(4),
        Refused(5, "Line 4 has the same phone number."),
        Refused(6, "Line 4 has the same user name."),
        Refused(7, "Line 4 has the same e-mail address."),
        Refused(8, "There is neither an e-mail address nor a phone number."),
        Taken(9),
    ]


def test_phone_in_use_is_refused(app, judge):
    runs(app)["run"](rows(person("alice", phone="+442079460018")))

    assert judge(rows(person("bob", phone="+442079460018"))) == [
        Refused(1, "The phone number is in use.")
    ]


def test_refused_line_keeps_no_name_from_later_ones(alice, judge):
    outcomes = judge(rows(person("bob", email="alice@example.org"), person("bob")))

    assert outcomes == [Refused(1, "The e-mail address is in use."), Taken(2)]


def test_line_is_found_again_in_a_later_batch(judge):
    people = [*numbered(import_users.BATCH_ROWS + 1), person("user0")]

    outcomes = judge(rows(*people))

    assert len(outcomes) == import_users.BATCH_ROWS + 2
    assert outcomes[-1] == Refused(len(people), "Line 1 has the same user name.")


def test_rehearsal_writes_nothing(app, sql):
    runs(app)["rehearse"](rows(*numbered(3)))

    assert sql("SELECT count(*) FROM users") == [(0,)]
    assert sql("SELECT count(*) FROM audit_log") == [(0,)]


def test_import_again_takes_what_is_missing_and_refuses_the_rest(app, sql):
    run = runs(app)["run"]
    run(rows(*numbered(2)))

    outcomes = run(rows(*numbered(3)))

    assert [type(each) for each in outcomes] == [Refused, Refused, Taken]
    assert sql("SELECT count(*) FROM users") == [(3,)]


def test_each_import_is_in_the_audit_log(app, sql):
    runs(app)["run"](rows(person("alice"), person("alice")))

    [(user_id,)] = sql("SELECT id FROM users")
    assert sql("SELECT event, outcome, user_id, identifier FROM audit_log") == [
        ("import", "ok", user_id, "alice")
    ]


IMPORTED = [vector for vector in FOREIGN if len(vector["password"].encode()) <= 72]


@pytest.mark.parametrize("vector", IMPORTED, ids=lambda vector: vector["form"])
def test_imported_user_logs_in_at_once_and_has_a_hash_of_ours(app, client, sql, vector):
    runs(app)["run"](rows(person("alice", hash=vector["hash"])))

    login = client.post(
        "/login", email="alice@example.org", password=vector["password"]
    )

    assert login.status == 200
    assert sql("SELECT password_hash FROM users")[0][0].startswith("$2b$04$")
    assert login.payload["user"]["is_verified"] is True


def test_disabled_user_stays_out_and_unproven_one_is_not_verified(app, client):
    vector = next(each for each in IMPORTED if each["form"] == "2b")
    runs(app)["run"](
        rows(
            person("alice", hash=vector["hash"], disabled=True),
            person("bob", hash=vector["hash"], email_verified=False),
        )
    )

    alice = client.post("/login", username="alice", password=vector["password"])
    bob = client.post("/login", username="bob", password=vector["password"])

    assert alice.code == "invalid_credentials"
    assert bob.payload["user"]["is_verified"] is False
