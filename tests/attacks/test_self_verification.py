"""Fields that nobody may set: every column's name sent along everywhere.

Zitadel let users mark their own address as verified through an update call
(CVE-2026-27946). Here a body is read by the route's declaration and everything
else in it is ignored (THREATS row B9).
"""

import re
from pathlib import Path

import pytest

from authserver.web.api import routes
from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

SCHEMA = Path(__file__).parents[2] / "sql" / "sqlite"
COLUMNS = sorted(
    {
        column
        for path in SCHEMA.glob("*.sql")
        for column in re.findall(r"^    ([a-z_]+) +[A-Z]", path.read_text(), re.M)
    }
)
VALUES = (1, "admin", True)
PASSWORD = "correct horse battery"


def planted(path, value):
    """Every column that is no field of the route's own, with this value."""
    methods, _ = routes.find(path)
    declared = {
        name for field in methods["POST"].body for name in (field.name, *field.aliases)
    }
    return dict.fromkeys(set(COLUMNS) - declared, value)


def row(sql, username):
    return sql(
        "SELECT id, email, email_verified_at, phone, phone_verified_at, roles, "
        "password_version, disabled_at, created_at FROM users WHERE username = ?",
        username,
    )


def test_the_columns_were_found(engine):
    assert {"email_verified_at", "roles", "password_hash", "id"} <= set(COLUMNS)


@pytest.mark.parametrize("value", VALUES)
def test_registering_with_columns_neither_verifies_nor_promotes(client, sql, value):
    form = {"username": "mallory", "email": "mallory@example.org", "password": PASSWORD}

    answer = client.post("/auth/register", **form, **planted("/auth/register", value))

    assert answer.status == 201
    assert answer.payload["user"]["is_verified"] is False
    assert answer.payload["user"]["id"] not in (1, "1", "admin")
    assert row(sql, "mallory") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/contacts", {"email": "new@example.org", "current_password": PASSWORD}),
        ("/auth/password/change", {"current_password": "x", "new_password": PASSWORD}),
        ("/auth/login", {"identifier": "alice", "password": PASSWORD}),
        ("/auth/otp", {"identifier": "alice@example.org", "purpose": "login"}),
        ("/protected", {}),
    ],
)
@pytest.mark.parametrize("value", VALUES)
def test_no_route_writes_a_column_it_was_sent(
    client, sql, logged_in, path, body, value
):
    before = row(sql, "alice")
    inside = client.bearer(logged_in.payload["access_token"])

    answer = inside.post(path, **body, **planted(path, value))

    assert answer.status < 500
    assert row(sql, "alice") == before
