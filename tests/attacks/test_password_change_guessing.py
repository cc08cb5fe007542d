"""Guessing the password with a stolen session, where nobody counts.

Mattermost once limited logins but not the change of a password
(CVE-2016-11069), and let very long passwords keep its processors busy
(CVE-2026-24458). Here asking for the current password draws on the same budget
as the login, and an overlong password costs no hash.
"""

import pytest

NEW_PASSWORD = "another good phrase"


@pytest.fixture
def stolen(counted, logged_in):
    """What tries a current password, in a stolen session, from elsewhere."""
    inside = counted.bearer(logged_in.payload["access_token"])

    def attempt(path, place, current, **body):
        return inside.at(place).post(path, current_password=current, **body)

    return attempt


WAYS = (
    ("/auth/password/change", {"new_password": NEW_PASSWORD}),
    ("/auth/contacts", {"email": "mallory@example.com"}),
)


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_hundred_guesses_are_ten(tally, alice, stolen, places, path, body):
    answers = [stolen(path, place, "wrong", **body) for place in places(100)]
    right = stolen(path, "192.0.2.66", alice.password, **body)

    assert {answer.code for answer in answers} == {"invalid_credentials"}
    assert tally.judged == 10
    assert right.public() == answers[0].public()


def test_login_and_change_share_one_budget(client, alice, stolen, places):
    for place in places(5):
        client.at(place).post("/auth/login", email=alice.email, password="wrong")
    for path, body in WAYS * 3:
        stolen(path, "192.0.2.66", "wrong", **body)

    body = {"email": alice.email, "password": alice.password}
    assert client.at("192.0.2.77").post("/auth/login", **body).status == 401


def test_owner_at_home_still_changes_the_password(client, alice, stolen, logged_in):
    for number in range(20):
        path, body = WAYS[0]
        stolen(path, f"203.0.113.{number}", "wrong", **body)

    inside = client.bearer(logged_in.payload["access_token"])
    body = {"current_password": alice.password, "new_password": NEW_PASSWORD}
    assert inside.post("/auth/password/change", **body).status == 200


@pytest.mark.parametrize(
    ("chars", "status"), [(129, 422), (1024, 422), (1025, 400), (60_000, 400)]
)
def test_overlong_new_password_costs_no_hash(
    tally, alice, stolen, logged_in, chars, status
):
    tally.clear()
    body = {"new_password": "x" * chars}

    answer = stolen("/auth/password/change", "192.0.2.1", alice.password, **body)

    assert answer.status == status
    assert tally.hashes == 0


def test_overlong_password_at_login_costs_no_hash(counted, tally, alice):
    body = {"email": alice.email, "password": "x" * 60_000}

    assert counted.post("/auth/login", **body).status == 400
    assert tally.hashes == 0


def test_megabyte_is_refused_unread(volley):
    assert volley.announce("/auth/login", 2**20).status == 413
