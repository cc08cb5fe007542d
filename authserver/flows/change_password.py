"""Changing a known password: the current one is asked for, all others leave.

Every other session and every outstanding code ends: whoever changes a password
may be throwing somebody out. The session that asks goes on.
"""

from authserver import errors
from authserver.app import App, Caller
from authserver.errors import Complaint
from authserver.flows import reauthenticate, records, reset
from authserver.flows.authenticate import Authenticated
from authserver.flows.records import Operation
from authserver.passwords import policy
from authserver.store import one_time_codes, sessions, users
from authserver.store.database import Transaction

UNCHANGED = Complaint("password_unchanged", "This is the current password.")


def change(
    app: App, caller: Caller, who: Authenticated, current: str, new: str
) -> None:
    """Replace the caller's password.

    Raises `RuleBroken`, `InvalidCredentials`, `TooManyRequests`.
    """
    own = (who.user.username, who.user.email, who.user.phone)
    policy.check("new_password", new, own=own)
    operation = reauthenticate.check_password(
        app, caller, who, current, event="change_password"
    )
    if new == current:
        raise errors.RuleBroken("new_password", UNCHANGED)
    password_hash = app.hasher.hash(new)
    if not app.database.transaction(_store, operation, who, password_hash):
        raise errors.InvalidCredentials("password changed meanwhile")
    app.delivery_due.set()


def _store(
    tx: Transaction, operation: Operation, who: Authenticated, password_hash: str
) -> bool:
    user, now = who.user, operation.now
    if not users.update_password(
        tx,
        user.id,
        password_hash=password_hash,
        password_version=user.password_version,
    ):
        return False
    sessions.revoke_by_user(
        tx, user.id, keep=who.session.id, reason="password changed", now=now
    )
    one_time_codes.delete_by_subject(tx, user.id)
    records.note(tx, operation, "change_password", user_id=user.id)
    reset.tell_owner(tx, operation, user)
    return True
