"""refresh_tokens: a token is spent once, and only for a live session."""

import pytest

from authserver.store import refresh_tokens, sessions, users
from authserver.store.refresh_tokens import RefreshToken, Spending
from tests.store.rows import ALICE, LATER, NOW, SESSION

TOKEN = RefreshToken("digest", SESSION.id, NOW + 500)
SPENDING = Spending("kid", "nonce", LATER, "operation 1", "192.0.2.0/24")
IDLE_S = 500


def store(do, *, user=ALICE, session=SESSION, token=TOKEN):
    do(users.insert, user)
    do(sessions.insert, session)
    do(refresh_tokens.insert, token)


def spend(do, spending=SPENDING):
    return do(refresh_tokens.spend, TOKEN.digest, spending, idle_s=IDLE_S)


def test_token_is_spent_by_the_first_and_says_by_whom(do):
    store(do)

    first = spend(do)
    again = spend(do, SPENDING._replace(spent_by="operation 2"))

    assert (first, again) == (True, False)
    assert do(refresh_tokens.find_by_digest, TOKEN.digest) == TOKEN._replace(
        kid="kid",
        nonce="nonce",
        spent_at=LATER,
        spent_by="operation 1",
        spent_from="192.0.2.0/24",
    )


@pytest.mark.parametrize(
    "row",
    [
        {"token": TOKEN._replace(expires_at=LATER)},
        {"session": SESSION._replace(expires_at=LATER)},
        {"session": SESSION._replace(last_seen_at=LATER - IDLE_S)},
        {"user": ALICE._replace(disabled_at=NOW)},
    ],
)
def test_what_has_ended_spends_nothing(do, row):
    store(do, **row)

    assert spend(do) is False
    assert do(refresh_tokens.find_by_digest, TOKEN.digest).spent_at is None


def test_revoked_session_spends_nothing(do):
    store(do)
    do(sessions.revoke, SESSION.id, reason="logout", now=NOW)

    assert spend(do) is False


def test_unknown_token_is_not_found(do):
    assert spend(do) is False
    assert do(refresh_tokens.find_by_digest, TOKEN.digest) is None


def test_spent_token_stays_until_it_expires(do):
    store(do)
    spend(do)

    early = do(refresh_tokens.delete_expired, now=NOW + 499, limit=9)
    due = do(refresh_tokens.delete_expired, now=NOW + 500, limit=9)

    assert (early, due) == (0, 1)
