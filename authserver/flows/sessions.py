"""The device list: a person's own sessions, and ending them."""

from typing import NamedTuple

from authserver import errors
from authserver.app import App, Caller
from authserver.flows import records
from authserver.flows.authenticate import Authenticated
from authserver.flows.records import Operation
from authserver.store import sessions
from authserver.store.database import Transaction
from authserver.store.sessions import Session


class Device(NamedTuple):
    """A session as its owner sees it; times in epoch seconds."""

    id: str
    created_at: int
    last_seen_at: int
    expires_at: int
    address: str
    user_agent: str
    amr: list[str]
    current: bool


def own(who: Authenticated) -> Device:
    """Return the session that the caller is in."""
    return _device(who.session, who)


def list_own(app: App, who: Authenticated) -> list[Device]:
    """Return the caller's live sessions, newest first."""
    listed = app.database.read(
        sessions.list_live_by_user,
        who.user.id,
        now=app.now(),
        idle_s=app.settings.session_idle_s,
    )
    return [_device(session, who) for session in listed]


def end_one(app: App, caller: Caller, who: Authenticated, session_id: str) -> None:
    """End one of the caller's sessions; raise `NotFound` for anybody else's."""
    operation = records.operation(app, caller)
    if not app.database.transaction(_end_one, operation, who, session_id):
        raise errors.NotFound("not a session of the caller")


def end_others(app: App, caller: Caller, who: Authenticated) -> int:
    """End all of the caller's sessions but this one; return how many."""
    operation = records.operation(app, caller)
    return app.database.transaction(_end_others, operation, who)


def _device(session: Session, who: Authenticated) -> Device:
    return Device(
        id=session.id,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        address=session.address,
        user_agent=session.user_agent,
        amr=session.amr.split(),
        current=session.id == who.session.id,
    )


def _end_one(
    tx: Transaction, operation: Operation, who: Authenticated, session_id: str
) -> bool:
    session = sessions.find_by_id(tx, session_id)
    if session is None or session.user_id != who.user.id:
        return False
    if sessions.revoke(tx, session_id, reason="ended by user", now=operation.now):
        records.note(tx, operation, "end_session", user_id=who.user.id)
    return True


def _end_others(tx: Transaction, operation: Operation, who: Authenticated) -> int:
    ended = sessions.revoke_by_user(
        tx,
        who.user.id,
        keep=who.session.id,
        reason="ended by user",
        now=operation.now,
    )
    records.note(tx, operation, "end_other_sessions", user_id=who.user.id)
    return ended
