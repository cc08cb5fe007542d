"""Asking for the password once more before something serious is changed.

A session may be a borrowed laptop. So whoever changes the password or a contact
gives the current password again, and tries count against the account as at the
login: a stolen session is no way around that limit.
"""

from authserver import errors
from authserver.app import App, Caller
from authserver.flows import budgets, records
from authserver.flows.authenticate import Authenticated
from authserver.flows.records import Operation
from authserver.store.database import Transaction


def check_password(
    app: App, caller: Caller, who: Authenticated, password: str, *, event: str
) -> Operation:
    """Return the operation to go on with, if `password` is the user's.

    Raises `WrongPassword`, `TooManyRequests`.
    """
    with budgets.admit_password(app, caller, who.user.username):
        operation = records.operation(app, caller)
        payer, allowed = app.database.transaction(_charge, operation, who)
        stored = who.user.password_hash if allowed else None
        if not app.hasher.verify(password, stored):
            app.database.transaction(_fail, operation, who, event)
            raise errors.WrongPassword("current password does not match")
        app.database.transaction(_refund, operation, payer)
        return operation


def _charge(
    tx: Transaction, operation: Operation, who: Authenticated
) -> tuple[str, bool]:
    user, now = who.user, operation.now
    payer = budgets.payer_of(tx, user.id, operation.caller, user.username, now=now)
    return payer, budgets.charge_password(tx, payer, now=now)


def _fail(
    tx: Transaction, operation: Operation, who: Authenticated, event: str
) -> None:
    records.note(tx, operation, event, "invalid_credentials", user_id=who.user.id)


def _refund(tx: Transaction, operation: Operation, payer: str) -> None:
    budgets.refund_password(tx, payer, now=operation.now)
