"""GET and DELETE /sessions, DELETE /sessions/{id}: one's own devices."""

import pytest


@pytest.fixture
def phone(client, alice):
    return logged_in_at(client.at("198.51.100.7"), alice)


@pytest.fixture
def laptop(client, clock, alice, phone):
    clock.advance(1)
    return logged_in_at(client, alice)


def logged_in_at(client, person):
    answer = client.post("/login", email=person.email, password=person.password)
    return client.bearer(answer.payload["access_token"])


def devices(who):
    return who.get("/sessions").payload["sessions"]


def test_own_sessions_are_listed_newest_first(laptop, join, client):
    logged_in_at(client, join("bob"))

    listed = devices(laptop)

    assert [each["address"] for each in listed] == ["192.0.2.1", "198.51.100.7"]
    assert [each["current"] for each in listed] == [True, False]


def test_ended_and_idle_sessions_are_not_listed(client, clock, alice, laptop, phone):
    phone.post("/logout")
    ended = devices(laptop)
    clock.advance(7 * 86400)

    assert len(ended) == 1
    assert len(devices(logged_in_at(client, alice))) == 1


def test_others_end_and_this_one_goes_on(laptop, phone):
    answer = laptop.delete("/sessions")

    assert answer.status == 200
    assert answer.payload == {"message": "Other sessions ended", "ended": 1}
    assert phone.get("/auth/me").status == 401
    assert laptop.get("/auth/me").status == 200


def test_one_ends_by_its_id(laptop, phone):
    [session_id] = [each["id"] for each in devices(laptop) if not each["current"]]

    answer = laptop.delete(f"/sessions/{session_id}")
    again = laptop.delete(f"/sessions/{session_id}")

    assert answer.payload == {"message": "Session ended"}
    assert (answer.status, again.status) == (200, 200)
    assert phone.get("/auth/me").status == 401


def test_session_of_somebody_else_is_not_found(client, laptop, join):
    bob = logged_in_at(client, join("bob"))
    [session] = devices(bob)

    foreign = laptop.delete(f"/sessions/{session['id']}")
    unknown = laptop.delete("/sessions/nothing")

    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.public() == unknown.public()
    assert bob.get("/auth/me").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/sessions"), ("DELETE", "/sessions"), ("DELETE", "/sessions/x")],
)
def test_only_somebody_logged_in_has_sessions(client, method, path):
    nobody = client.send(method, path)
    forger = client.bearer("forged").send(method, path)

    assert nobody.code == "not_authenticated"
    assert forger.code == "invalid_token"


def test_list_has_no_empty_id(client):
    assert client.delete("/sessions/").status == 404
