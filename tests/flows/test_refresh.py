"""A rotation whose commit or answer was lost hands out one pair, later too."""

from collections.abc import Callable

import pytest

from authserver import errors, tokens
from authserver.flows import records, refresh, steps
from authserver.flows.opening import Tokens
from authserver.store import sessions
from authserver.store.database import Database
from authserver.store.outages import Outage
from authserver.store.refresh_tokens import Spending


def exchange(app, caller, presented) -> Tokens:
    return steps.run(app.database, refresh.exchange(app, caller, presented))


def test_operation_recognises_its_own_win(app, caller, clock, logged_in):
    operation = records.operation(app, caller)
    spending = Spending(
        kid=app.keyring.current,
        nonce=tokens.operation_id(),
        spent_at=operation.now,
        spent_by=operation.id,
        spent_from="elsewhere, so not taken for a repeat",
    )
    presented = logged_in.payload["refresh_token"]
    digest = tokens.digest(presented)
    successor = refresh._successor(app, presented, spending.kid, spending.nonce)
    attempt = refresh._Attempt(presented, digest, spending, successor, None)

    first, again = (
        app.database.transaction(refresh._rotate, app, operation, attempt)
        for _ in range(2)
    )

    assert first.successor == again.successor
    assert exchange(app, caller, again.successor).refresh_token


class AfterOutage:
    """The app's database, which was away at some time."""

    def __init__(self, database: Database, outage: Outage) -> None:
        self.transaction = database.transaction
        self.read_once = database.read_once
        self.outage = outage


@pytest.fixture
def repeat(app, caller, clock, logged_in) -> Callable[..., Tokens]:
    """Spend the first token, and again; times in seconds after the first."""

    def repeat(*, again: float, began: float, ended: float) -> Tokens:
        presented, epoch = logged_in.payload["refresh_token"], clock.monotonic()
        exchange(app, caller, presented)
        outage = Outage(epoch + began, epoch + ended)
        clock.advance(again)
        database = AfterOutage(app.database, outage)
        return exchange(app._replace(database=database), caller, presented)

    return repeat


@pytest.mark.parametrize(
    ("began", "ended", "again"),
    [(0.1, 12, 12), (0.1, 12, 42), (0.1, 3600, 3615), (-50, 1, 31), (10, 12, 20)],
)
def test_repeat_of_what_was_spent_around_an_outage_is_answered(
    app, caller, repeat, began, ended, again
):
    pair = repeat(began=began, ended=ended, again=again)

    assert exchange(app, caller, pair.refresh_token)


@pytest.mark.parametrize(
    ("situation", "began", "ended", "again"),
    [
        ("too long after it", 0.1, 12, 43),
        ("spent long before it", 11, 12, 13),
        ("spent after it had ended", -20, -1, 11),
    ],
)
def test_outage_excuses_no_other_repeat(repeat, situation, began, ended, again):
    with pytest.raises(errors.InvalidToken, match="spent token came back"):
        repeat(began=began, ended=ended, again=again)


def test_session_that_ends_after_the_look_is_not_continued(
    app, caller, logged_in, monkeypatch
):
    presented = logged_in.payload["refresh_token"]
    look = app.database.read_once

    def end_after(function, *args):
        found = session, _ = look(function, *args)
        app.database.transaction(
            sessions.revoke, session.id, reason="logout", now=app.now()
        )
        return found

    monkeypatch.setattr(app.database, "read_once", end_after)

    with pytest.raises(errors.InvalidToken):
        exchange(app, caller, presented)


def test_token_that_is_stored_after_the_look_is_spent_all_the_same(
    app, caller, logged_in, monkeypatch
):
    monkeypatch.setattr(app.database, "read_once", lambda *_: None)

    assert exchange(app, caller, logged_in.payload["refresh_token"]).refresh_token
