"""sessions: ended once, by whoever is first; listed only while they live."""

import pytest

from authserver.store import refresh_tokens, sessions, users
from authserver.store.database import ConstraintViolation, UniqueViolation
from authserver.store.refresh_tokens import RefreshToken
from tests.store.rows import ALICE, LATER, NOW, SESSION

IDLE_S = 500
SECOND = SESSION._replace(id="session 2", token_digest="digest 2", created_at=LATER)


@pytest.fixture
def stored(do):
    """Two sessions of alice's."""
    do(users.insert, ALICE)
    do(sessions.insert, SESSION)
    do(sessions.insert, SECOND)


def listed(do, now):
    return do(sessions.list_live_by_user, ALICE.id, now=now, idle_s=IDLE_S)


@pytest.mark.parametrize(
    ("changes", "live"),
    [
        ({}, True),
        ({"revoked_at": NOW}, False),
        ({"expires_at": NOW}, False),
        ({"expires_at": NOW + 1}, True),
        ({"last_seen_at": NOW - IDLE_S}, False),
        ({"last_seen_at": NOW - IDLE_S + 1}, True),
    ],
)
def test_session_lives_until_revoked_expired_or_idle(changes, live):
    assert SESSION._replace(**changes).live(now=NOW, idle_s=IDLE_S) is live


def test_session_is_found_by_id_and_by_digest(do, stored):
    assert do(sessions.find_by_id, SESSION.id) == SESSION
    assert do(sessions.find_by_token_digest, "digest 2") == SECOND
    assert do(sessions.find_by_id, "another") is None
    assert do(sessions.find_by_token_digest, "another") is None


def test_session_needs_a_user_and_a_cookie_of_its_own(do, stored):
    with pytest.raises(ConstraintViolation):
        do(sessions.insert, SESSION._replace(id="3", user_id="x", token_digest="3"))
    with pytest.raises(UniqueViolation):
        do(sessions.insert, SESSION._replace(id="3"))


def test_list_agrees_with_live(do, stored):
    do(sessions.update_last_seen, SECOND.id, now=NOW + 200)

    assert [each.id for each in listed(do, LATER)] == ["session 2", "session 1"]
    assert [each.id for each in listed(do, NOW + IDLE_S)] == ["session 2"]
    assert listed(do, NOW + 200 + IDLE_S) == []


def test_session_is_revoked_once(do, stored):
    first = do(sessions.revoke, SESSION.id, reason="logout", now=LATER)
    again = do(sessions.revoke, SESSION.id, reason="theft", now=LATER + 1)

    assert (first, again) == (True, False)
    assert do(sessions.find_by_id, SESSION.id) == SESSION._replace(
        revoked_at=LATER, revoked_for="logout"
    )
    assert listed(do, LATER) == [SECOND]


def test_all_are_revoked_but_the_one_to_keep(do, stored):
    def revoke(keep=None):
        return do(sessions.revoke_by_user, ALICE.id, keep=keep, reason="r", now=LATER)

    assert revoke(keep=SESSION.id) == 1
    assert listed(do, LATER) == [SESSION]
    assert revoke() == 1
    assert revoke() == 0


def test_expired_ones_go_when_no_refresh_token_points_to_them(do, stored):
    do(refresh_tokens.insert, RefreshToken("digest", SESSION.id, NOW))

    early = do(sessions.delete_expired, now=NOW + 999, limit=9)
    first = do(sessions.delete_expired, now=NOW + 1000, limit=9)
    do(refresh_tokens.delete_expired, now=NOW + 1000, limit=9)
    second = do(sessions.delete_expired, now=NOW + 1000, limit=9)

    assert (early, first, second) == (0, 1, 1)
