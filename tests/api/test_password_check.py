"""POST /auth/password/check: what the rules say of a password being typed."""

import pytest

PATH = "/auth/password/check"
GOOD = "correct horse battery"
OK = {"acceptable": True, "errors": []}


def codes(answer):
    assert answer.status == 200
    assert answer.payload["acceptable"] is (answer.payload["errors"] == [])
    return [(each["field"], each["code"]) for each in answer.payload["errors"]]


def test_good_password_is_acceptable(client):
    answer = client.post(PATH, password=GOOD)

    assert (answer.status, answer.payload) == (200, OK)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"password": "short"}, "password_length"),
        ({"password": "x" * 129}, "password_length"),
        ({"password": "P@ssw0rd1!"}, "password_common"),
        (
            {"password": "alice.in.chains", "username": " Alice.In.Chains "},
            "password_own",
        ),
        ({"pwd": "wonderland", "email": "Wonderland@example.org"}, "password_own"),
        ({"password": "+442079460018", "phone": "+44 20 7946 0018"}, "password_own"),
    ],
)
def test_it_says_what_registering_would_say(client, body, code):
    form = {"username": "bob", "email": "bob@example.org", **body}
    registered = client.post("/auth/register", **form)

    answer = client.post(PATH, **body)

    assert codes(answer) == [("password", code)]
    assert registered.status == 422
    assert registered.payload["errors"] == answer.payload["errors"]


@pytest.mark.parametrize(
    "typing",
    [
        {"username": "a", "email": "alice@", "phone": "+"},
        {"username": "", "email": "", "phone": ""},
        {"username": "\u00e9" * 500},
        {"email": "@" * 1000},
    ],
)
def test_identifier_that_is_still_being_typed_is_no_fault(client, typing):
    assert client.post(PATH, password=GOOD, **typing).payload == OK


def test_password_is_needed(client):
    answer = client.post(PATH, username="alice")

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["code"] == "missing"


def test_nothing_is_hashed_or_stored(client, app, sql, monkeypatch):
    monkeypatch.setattr(type(app.hasher), "hash", None)
    before = sql("SELECT COUNT(*) FROM audit_log")

    assert client.post(PATH, password=GOOD, username="alice").payload == OK

    tables = ("users", "registrations", "outbox", "sessions", "limits")
    counts = {table: sql(f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables}
    assert set(counts.values()) == {0}
    assert sql("SELECT COUNT(*) FROM audit_log") == before


def test_typing_uses_up_nothing_that_a_login_needs(client, alice):
    for _ in range(100):  # of 60 requests a minute
        assert client.post(PATH, password=GOOD).payload == OK

    login = {"identifier": alice.username, "password": alice.password}
    assert client.post("/auth/login", **login).status == 200


def test_asking_on_and_on_has_to_wait(client):
    answers = [client.post(PATH, password=GOOD).status for _ in range(121)]

    assert answers == [200] * 120 + [429]
    assert client.post(PATH, password=GOOD).header("Retry-After") == "1"
    assert client.at("192.0.2.2").post(PATH, password=GOOD).status == 200
