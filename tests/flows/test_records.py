"""Every security event is an audit row: who, what, from where, no secret."""

from pathlib import Path

import pytest

from tests.conftest import OTHER_PASSWORD, PASSWORD


@pytest.fixture
def events(sql):
    """Return the (event, outcome) pairs since the last call."""
    seen = 0

    def read():
        nonlocal seen
        rows = sql("SELECT event, outcome FROM audit_log ORDER BY at, id")
        fresh, seen = rows[seen:], len(rows)
        return fresh

    return read


def test_becoming_a_user_is_written_down(client, mailbox, events):
    email = "bob@example.org"
    client.post("/register", username="bob", email=email, password=PASSWORD)
    client.post("/auth/otp", email=email)
    client.post("/login", username="bob", password=PASSWORD)
    client.post("/auth/verify-otp", email=email, otp="abcdef")
    client.post("/auth/verify-otp", email=email, otp=mailbox.code(email))

    assert events() == [
        ("register", "ok"),
        ("send_verify_code", "ok"),
        ("login", "contact_not_verified"),
        ("verify", "invalid_code"),
        ("verify", "ok"),
    ]


def test_sessions_are_written_down(client, alice, events):
    def login(password):
        return client.post("/login", email=alice.email, password=password)

    events()
    login("guess")
    first, second, third = login(PASSWORD), login(PASSWORD), login(PASSWORD)
    bearer = client.bearer(first.payload["access_token"])
    token = first.payload["refresh_token"]
    client.post("/auth/refresh", refresh_token=token)
    [other, *_] = [
        each["id"]
        for each in bearer.get("/sessions").payload["sessions"]
        if not each["current"]
    ]
    bearer.delete(f"/sessions/{other}")
    bearer.delete("/sessions")
    client.at("203.0.113.9").post("/auth/refresh", refresh_token=token)
    client.post("/auth/refresh", refresh_token=token)
    client.post("/auth/refresh", refresh_token="x")
    fourth, fifth = login(PASSWORD), login(PASSWORD)
    client.bearer(fourth.payload["access_token"]).post("/logout")
    client.bearer(fifth.payload["access_token"]).post("/logout", everywhere=True)

    assert second.status == third.status == 200
    assert events() == [
        ("login", "invalid_credentials"),
        *3 * [("login", "ok")],
        ("refresh", "ok"),
        ("end_session", "ok"),
        ("end_other_sessions", "ok"),
        ("refresh", "reused"),
        ("refresh", "ended"),
        ("refresh", "unknown"),
        *2 * [("login", "ok")],
        ("logout", "ok"),
        ("logout_everywhere", "ok"),
    ]


def test_passwords_and_contacts_are_written_down(
    client, mailbox, alice, logged_in, events
):
    events()
    inside = client.bearer(logged_in.payload["access_token"])
    new = "alice@example.net"
    inside.post("/auth/contacts", email=new, current_password="guess")
    inside.post("/auth/contacts", email=new, current_password=PASSWORD)
    inside.post("/auth/verify-otp", email=new, otp=mailbox.code(new))
    change = {"new_password": OTHER_PASSWORD}
    inside.post("/auth/password/change", **change, current_password="guess")
    inside.post("/auth/password/change", **change, current_password=PASSWORD)
    client.post("/forgot-password", email=new)
    client.post("/validate-otp", email=new, otp="abcdef")
    mailbox.fetch()
    client.post("/reset-password", **change, token="x")
    client.post("/reset-password", **change, email=new, otp=mailbox.code(new))

    assert events() == [
        ("change_contact", "invalid_credentials"),
        ("ask_contact_change", "ok"),
        ("change_contact", "ok"),
        ("change_password", "invalid_credentials"),
        ("change_password", "ok"),
        ("send_reset_code", "ok"),
        ("validate_reset", "refused"),
        ("reset_password", "refused"),
        ("reset_password", "ok"),
    ]


def test_locked_disabled_and_unknown_are_told_apart(client, alice, sql, events):
    for number in range(11):
        at = client.at(f"198.51.101.{number}")
        at.post("/login", email=alice.email, password="guess")
    locked = events()[-1]
    sql("UPDATE users SET disabled_at = 1")
    client.post("/login", email=alice.email, password=PASSWORD)
    client.post("/login", email="nobody@example.org", password=PASSWORD)

    assert locked == ("login", "account_locked")
    assert events() == [("login", "account_disabled"), ("login", "invalid_credentials")]


def test_password_typed_as_user_name_is_not_written_down(client, sql):
    client.post("/auth/login", identifier="tr0ub4dor", password="correct horse battery")
    client.post("/auth/otp", identifier="tr0ub4dor")

    assert sql("SELECT event, identifier FROM audit_log ORDER BY event") == [
        ("login", None),
        ("send_verify_code", None),
    ]


@pytest.mark.parametrize("app", [{"require_verification": False}], indirect=True)
def test_lost_contact_is_written_down(client, mailbox, sql):
    email = "bob@example.org"
    client.post("/register", username="eve", email=email, password=PASSWORD)
    eve = sql("SELECT id FROM users")[0][0]
    client.post("/register", username="bob", phone="+442079460018", password=PASSWORD)
    login = client.post("/login", username="bob", password=PASSWORD)
    inside = client.bearer(login.payload["access_token"])
    mailbox.fetch()
    inside.post("/auth/contacts", email=email, current_password=PASSWORD)
    inside.post("/auth/verify-otp", email=email, otp=mailbox.code(email))

    lost = sql("SELECT identifier FROM audit_log WHERE event='lose_contact'")
    assert lost == [(email,)]
    assert sql("SELECT COUNT(*) FROM audit_log WHERE user_id = ?", eve) == [(2,)]


def test_row_says_who_and_from_where(client, alice, sql):
    caller = client.at("203.0.113.9").having(user_agent="Tester/1.0")

    caller.post("/login", email=alice.email, password="guess")

    row = sql(
        """
        SELECT user_id, identifier, address, user_agent
          FROM audit_log
         ORDER BY at DESC, id DESC
         LIMIT 1
        """
    )
    assert row == [(alice.id, alice.email, "203.0.113.9", "Tester/1.0")]


@pytest.mark.parametrize("engine", ["sqlite"])  # the bytes of its file are read
def test_no_secret_reaches_the_database(client, mailbox, alice, logged_in, app):
    token = logged_in.payload["refresh_token"]
    refreshed = client.post("/auth/refresh", refresh_token=token)
    client.post("/forgot-password", email=alice.email)
    code = mailbox.code(alice.email)
    grant = client.post("/validate-otp", email=alice.email, otp=code)

    secrets = {
        PASSWORD,
        token,
        refreshed.payload["refresh_token"],
        refreshed.payload["access_token"],
        logged_in.cookies["__Host-session"],
        grant.payload["reset_token"],
    }
    folder = Path(app.settings.database_url.removeprefix("sqlite:///")).parent
    stored = b"".join(path.read_bytes() for path in folder.iterdir())

    assert [each for each in secrets if each.encode() in stored] == []
