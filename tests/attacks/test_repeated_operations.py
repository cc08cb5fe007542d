"""The same operation twice: the second has the same answer on every engine.

An UPDATE that changes nothing matches no row on MySQL, unless its client asks
for matched rows, and one on SQLite (THREATS row D5). Who relies on the count
would refuse on one engine what passes on the other.
"""

import pytest

from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

PASSWORD = "correct horse battery"


@pytest.fixture
def inside(client, logged_in):
    return client.bearer(logged_in.payload["access_token"])


def twice(send, *args, **kwargs):
    return [send(*args, **kwargs).status for _ in "12"]


def test_logging_in_twice_within_one_second(client, alice):
    form = {"identifier": "alice", "password": PASSWORD}

    assert twice(client.post, "/auth/login", **form) == [200, 200]


def test_logging_out_twice(inside):
    assert twice(inside.post, "/auth/logout") == [200, 200]


def test_ending_the_other_sessions_twice(client, inside):
    client.post("/auth/login", identifier="alice", password=PASSWORD)

    assert twice(inside.delete, "/sessions") == [200, 200]


def test_ending_one_session_twice(client, inside, logged_in):
    client.post("/auth/login", identifier="alice", password=PASSWORD)
    (other,) = [
        each["id"]
        for each in inside.get("/sessions").payload["sessions"]
        if not each["current"]
    ]

    assert twice(inside.delete, f"/sessions/{other}") == [200, 200]


def test_asking_for_a_code_twice_sends_the_same_one(client, mailbox, alice):
    form = {"email": alice.email, "purpose": "login"}

    assert twice(client.post, "/auth/otp", **form) == [200, 200]
    first, second = (each.text for each in mailbox.fetch())
    assert first == second


def test_asking_for_a_contact_change_twice(inside):
    form = {"email": "new@example.org", "current_password": PASSWORD}

    assert twice(inside.post, "/auth/contacts", **form) == [200, 200]


def test_a_session_that_is_seen_twice_in_one_second(client, clock, inside):
    clock.advance(700)  # far enough to be written down

    assert twice(inside.get, "/auth/me") == [200, 200]


def test_refreshing_twice_has_one_successor(client, logged_in):
    form = {"refresh_token": logged_in.payload["refresh_token"]}

    answers = [client.post("/auth/refresh-token", **form) for _ in "12"]

    assert [answer.status for answer in answers] == [200, 200]
    assert len({answer.payload["refresh_token"] for answer in answers}) == 1
