"""POST /auth/refresh-token: one successor per token, and no second holder."""

import pytest

from tests.conftest import START

PATH = "/auth/refresh-token"


def exchange(client, answer):
    """Exchange the refresh token that came with an earlier answer."""
    return client.post(PATH, refresh_token=answer.payload["refresh_token"])


def works(client, answer):
    return client.bearer(answer.payload["access_token"]).get("/auth/me").status == 200


@pytest.mark.parametrize("path", ["/auth/refresh-token", "/auth/refresh"])
def test_token_is_exchanged_for_a_pair(client, logged_in, path):
    token = logged_in.payload["refresh_token"]

    answer = client.post(path, refresh_token=token)

    assert answer.status == 200
    assert answer.payload.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
    }
    assert answer.payload["refresh_token"] != token
    assert (answer.payload["token_type"], answer.payload["expires_in"]) == (
        "bearer",
        900,
    )
    assert works(client, answer)


def test_lost_answer_is_repeated_with_the_same_successor(client, clock, logged_in):
    first = exchange(client, logged_in)
    clock.advance(10)
    again = exchange(client.at("192.0.2.200"), logged_in)

    assert again.status == 200
    assert again.payload["refresh_token"] == first.payload["refresh_token"]
    assert exchange(client, again).status == 200


def test_repeat_after_ten_seconds_is_theft(client, clock, logged_in, mailbox, alice):
    successor = exchange(client, logged_in)
    mailbox.fetch()
    clock.advance(11)

    answer = exchange(client, logged_in)

    assert (answer.status, answer.code) == (401, "invalid_token")
    assert exchange(client, successor).status == 401
    assert not works(client, successor)
    [notice] = mailbox.fetch()
    assert notice.recipient == alice.email
    assert "ended for your safety" in notice.subject


def test_repeat_from_elsewhere_is_theft(client, logged_in):
    successor = exchange(client, logged_in)

    assert exchange(client.at("203.0.113.9"), logged_in).status == 401
    assert not works(client, successor)


def test_repeat_once_the_successor_was_spent_is_theft(client, logged_in):
    successor = exchange(client, logged_in)
    newest = exchange(client, successor)

    assert exchange(client, logged_in).status == 401
    assert not works(client, newest)


def test_repeat_after_the_key_was_taken_away_is_theft(client, logged_in, sql):
    successor = exchange(client, logged_in)
    sql("UPDATE refresh_tokens SET kid = 'gone' WHERE kid IS NOT NULL")

    assert exchange(client, logged_in).status == 401
    assert not works(client, successor)


def test_theft_from_somebody_without_contact_is_told_to_nobody(
    client, logged_in, mailbox, sql
):
    exchange(client, logged_in)
    mailbox.fetch()
    sql("UPDATE users SET email = NULL")

    assert exchange(client.at("203.0.113.9"), logged_in).status == 401
    assert mailbox.fetch() == []


@pytest.mark.parametrize("token", ["", "x", "\u00e9", "a" * 43])
def test_unknown_token_is_refused(client, token):
    answer = client.post(PATH, refresh_token=token)

    assert (answer.status, answer.code) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.header("WWW-Authenticate")


@pytest.mark.parametrize("token", [None, 0, True, [], {}])
def test_token_is_text(client, token):
    answer = client.post(PATH, refresh_token=token)

    assert (answer.status, answer.code) == (400, "invalid_body")


@pytest.mark.parametrize("app", [{"refresh_token_expire_days": 1}], indirect=True)
def test_token_expires(client, clock, logged_in):
    clock.advance(86400)

    assert exchange(client, logged_in).status == 401


@pytest.mark.parametrize(
    "app", [{"refresh_token_expire_days": 30, "session_idle_days": 1}], indirect=True
)
def test_idle_session_is_not_refreshed(client, clock, logged_in):
    clock.advance(86400)

    assert exchange(client, logged_in).status == 401


@pytest.mark.parametrize("app", [{"session_max_days": 7}], indirect=True)
def test_no_refresh_outlives_the_session(client, clock, logged_in):
    clock.advance(4 * 86400)
    second = exchange(client, logged_in)
    clock.advance(3 * 86400 - 60)
    third = exchange(client, second)

    assert third.payload["expires_in"] == 60
    clock.advance(60)
    assert exchange(client, third).status == 401
    assert not works(client, third)


def test_refreshing_keeps_a_session_from_idling(client, clock, logged_in):
    clock.advance(6 * 86400)
    second = exchange(client, logged_in)
    clock.advance(6 * 86400)

    assert exchange(client, second).status == 200


def test_ended_session_is_neither_refreshed_nor_called_theft(
    client, logged_in, mailbox
):
    successor = exchange(client, logged_in)
    client.bearer(successor.payload["access_token"]).post("/auth/logout")
    mailbox.fetch()

    answers = [exchange(client, logged_in), exchange(client, successor)]

    assert [answer.status for answer in answers] == [401, 401]
    assert mailbox.fetch() == []


def test_disabled_user_gets_no_token(client, logged_in, sql):
    spent = exchange(client, logged_in)
    sql("UPDATE users SET disabled_at = ?", START)

    assert exchange(client, logged_in).status == 401
    assert exchange(client, spent).status == 401


@pytest.mark.parametrize("app", [{"address_failures_per_hour": 2}], indirect=True)
def test_third_wrong_token_of_an_address_waits(client, logged_in):
    right = exchange(client, logged_in)
    statuses = [client.post(PATH, refresh_token="x").status for _ in range(3)]

    assert right.status == 200
    assert statuses == [401, 401, 429]
