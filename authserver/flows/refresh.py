"""Exchanging a refresh token for its successor and a fresh access token.

    unspent                       spend it, hand out the successor
    spent <= 10 s ago, from the   hand out the same successor: the answer was
      same place, successor       lost on its way, or two tabs asked at once
      still unspent
    spent otherwise               theft: the session ends, the owner is told

Rotation with reuse detection is RFC 9700 section 4.14.2. Its weakness are
honest clients whose answer got lost: they come back with a spent token and
would be logged out. As the successor is derived from the token and a stored
nonce, they get the very same one, so the chain never forks and a thief gains
nothing that waiting would not give: whoever uses the successor first exposes
the other.

A token that was spent around an outage of the database may come again later:
see `repeats`.
"""

from typing import NamedTuple

from authserver import errors, tokens
from authserver.app import App, Caller
from authserver.flows import budgets, lookup, opening, places, records, repeats
from authserver.flows.opening import Tokens
from authserver.flows.records import Operation
from authserver.flows.steps import Step, Steps
from authserver.store import refresh_tokens, sessions
from authserver.store.database import Transaction
from authserver.store.refresh_tokens import RefreshToken, Spending
from authserver.store.sessions import Session, SessionOf
from authserver.store.users import User

REFRESH_KEY = "refresh"  # label of the key that successors are derived with


class _Attempt(NamedTuple):
    """A token that is presented, and what spending it would write."""

    token: str
    digest: str
    spending: Spending
    successor: str  # if this try spends it
    found: SessionOf | None  # whose it is, by a look before the transaction


class _Rotated(NamedTuple):
    session: Session
    user: User
    successor: str


class _Refused(NamedTuple):
    reason: str  # for log and audit


def exchange(app: App, caller: Caller, presented: str) -> Steps[Tokens]:
    """Spend a refresh token and return the next pair.

    Raises `InvalidToken`, `TooManyRequests`.
    """
    with budgets.admit_token(app, caller):
        operation = records.operation(app, caller)
        spending = Spending(
            kid=app.keyring.current,
            nonce=tokens.operation_id(),
            spent_at=operation.now,
            spent_by=operation.id,
            spent_from=places.neighbourhood(caller.address),
        )
        # Looked up and derived before, and not while others wait for their turn
        # to write. Whether it still is as it was, the spending will find out.
        digest = tokens.digest(presented)
        found = app.database.read_once(sessions.find_with_user_by_refresh_token, digest)
        successor = _successor(app, presented, spending.kid, spending.nonce)
        attempt = _Attempt(presented, digest, spending, successor, found)
        outcome = yield Step(_rotate, (app, operation, attempt))
        # Refuse out here: an exception inside would undo the revocation.
        if isinstance(outcome, _Refused):
            app.delivery_due.set()
            raise errors.InvalidToken(outcome.reason)
        return opening.token_pair(app, outcome.user, outcome.session, outcome.successor)


def _rotate(
    tx: Transaction, app: App, operation: Operation, attempt: _Attempt
) -> _Rotated | _Refused:
    found, idle_s = attempt.found, app.settings.session_idle_s
    won = refresh_tokens.spend(tx, attempt.digest, attempt.spending, idle_s=idle_s)
    if not won or found is None:
        found = sessions.find_with_user_by_refresh_token(tx, attempt.digest)
    if found is None:
        records.note(tx, operation, "refresh", "unknown")
        return _Refused("unknown refresh token")
    if won:
        return _hand_out(tx, app, operation, _Rotated(*found, attempt.successor))
    return _not_ours(tx, app, operation, attempt, found)


def _not_ours(
    tx: Transaction,
    app: App,
    operation: Operation,
    attempt: _Attempt,
    found: SessionOf,
) -> _Rotated | _Refused:
    """Decide about a token that this try could not spend."""
    session, user = found
    row = refresh_tokens.find_by_digest(tx, attempt.digest)
    idle_s = app.settings.session_idle_s
    kid, nonce = (row.kid, row.nonce) if row else (None, None)
    rotated = _Rotated(*found, _successor(app, attempt.token, kid, nonce))
    if row is not None and row.spent_by == operation.id:
        return rotated  # spent in a try before this one, which stands
    live = session.live(now=operation.now, idle_s=idle_s)
    if row is None or row.spent_at is None or not live:
        records.note(tx, operation, "refresh", "ended", user_id=user.id)
        return _Refused("token or session has ended")
    repeated = _is_repeat(tx, app, row, rotated.successor, attempt.spending)
    if user.disabled_at is None and repeated:
        return rotated
    _end_stolen(tx, operation, user, session)
    return _Refused("spent token came back; session ended")


def _successor(app: App, presented: str, kid: str | None, nonce: str | None) -> str:
    """Return the token that follows a spent one; "" if its key is gone."""
    key = app.keyring.derive(REFRESH_KEY, kid) if kid else None
    if key is None or nonce is None:
        return ""
    return tokens.successor(key, presented, nonce)


def _hand_out(
    tx: Transaction, app: App, operation: Operation, rotated: _Rotated
) -> _Rotated:
    token = opening.first_token(app, rotated.session, rotated.successor, operation.now)
    refresh_tokens.insert(tx, token)
    if rotated.session.last_seen_at < operation.now:
        sessions.update_last_seen(tx, rotated.session.id, now=operation.now)
    records.note(tx, operation, "refresh", user_id=rotated.user.id)
    return rotated


def _is_repeat(
    tx: Transaction, app: App, row: RefreshToken, successor: str, spending: Spending
) -> bool:
    """Tell whether an honest client asks again for an answer it lost."""
    if row.spent_at is None:
        return False
    ago_s = spending.spent_at - row.spent_at
    following = refresh_tokens.find_by_digest(tx, tokens.digest(successor))
    return (
        (abs(ago_s) <= repeats.REPEAT_WITHIN_S or repeats.fell_into_outage(app, ago_s))
        and row.spent_from == spending.spent_from
        and following is not None
        and following.spent_at is None
    )


def _end_stolen(
    tx: Transaction, operation: Operation, user: User, session: Session
) -> None:
    """End a session one of whose tokens two people hold; tell the owner."""
    sessions.revoke(tx, session.id, reason="refresh token reused", now=operation.now)
    records.note(tx, operation, "refresh", "reused", user_id=user.id)
    contact = lookup.contact_of(user)
    if contact is not None:
        records.send_notice(tx, operation, "session_theft", contact, user.username)
