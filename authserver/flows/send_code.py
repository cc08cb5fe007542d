"""Asking for a code: to verify a contact, to log in, or to reset a password.

The answer is the same for everybody: who exists shows only in the mailbox. Each
path writes one audit row in one transaction, whoever the identifier names.

    identifier means      verify              login              reset
    --------------------  ------------------  -----------------  -------------
    a user (*)            unproven contact    login code         reset code
    some registrations    verify code each    verify code each   nothing
    nobody                nothing             nothing            nothing

    (*) by a contact that opens the account (`lookup`); by another one only in
        that user's session, which the code must then come back to

Entering a registration's verify code at the login makes the user and logs in.
"""

from authserver.app import App, Caller
from authserver.flows import budgets, challenges, lookup, records
from authserver.flows.challenges import Challenge
from authserver.flows.lookup import Contact, Request
from authserver.flows.records import Operation
from authserver.store.database import Transaction
from authserver.store.registrations import Registration
from authserver.store.users import User


def send(app: App, caller: Caller, request: Request, purpose: str) -> None:
    """Send a code for `purpose` (verify, login, reset) where that makes sense.

    Raises `TooManyRequests` for what this caller asked, never for what an
    account has left.
    """
    budgets.admit_send(app, caller, request.identifier.value)
    operation = records.operation(app, caller)
    reachable: frozenset[Contact] = frozenset()
    if purpose != "reset":  # which sends registrations nothing
        reachable = challenges.admit(app, operation, request, budgets.may_send)
    app.database.transaction(_send, app, operation, request, purpose, reachable)
    app.delivery_due.set()


def _send(
    tx: Transaction,
    app: App,
    operation: Operation,
    request: Request,
    purpose: str,
    reachable: frozenset[Contact],
) -> None:
    subject = lookup.resolve(tx, request, operation.caller, now=operation.now)
    changing = _is_changing(tx, operation, request, purpose)
    user = request.session.user if changing and request.session else subject.user
    user_id, who = user.id if user else None, request.identifier.value
    payer = budgets.payer_of(tx, user_id, operation.caller, who, now=operation.now)
    if not budgets.charge_send(tx, app, payer, now=operation.now) and user is not None:
        outcome = "account budget is empty"
    elif user is not None:
        contact = _contact_for(user, request, purpose, changing=changing)
        outcome = _send_to_user(tx, app, operation, user, contact, purpose)
    else:
        outcome = "nothing to send"
        for each in subject.registrations:
            contact = lookup.contact_of(each, request.identifier)
            if contact is not None and contact in reachable:
                outcome = _send_to_registration(tx, app, operation, each, contact)
    event = f"send_{purpose}_code"
    records.note(tx, operation, event, outcome, user_id=user_id, identifier=who)


def _is_changing(
    tx: Transaction, operation: Operation, request: Request, purpose: str
) -> bool:
    """Tell whether the caller asks for a code to enter in their own session.

    That is for an own contact that was never proven, or once more for the one
    that they are adding.
    """
    pending = challenges.pending_change(tx, request)
    contact, session = lookup.contact_in(request.identifier), request.session
    if purpose != "verify" or contact is None or session is None:
        return False
    if contact in lookup.contacts_of(session.user):
        return not lookup.is_proven(session.user, contact)
    # No attempts: used up, or the contact is somebody else's (see challenges).
    return (
        pending is not None
        and pending.live(now=operation.now)
        and pending.attempts_left > 0
    )


def _contact_for(
    user: User, request: Request, purpose: str, *, changing: bool
) -> Contact | None:
    if changing:
        return lookup.contact_in(request.identifier)
    contact = lookup.contact_of(user, request.identifier)
    proven = contact is not None and lookup.is_proven(user, contact)
    return None if purpose == "verify" and proven else contact


def _send_to_user(
    tx: Transaction,
    app: App,
    operation: Operation,
    user: User,
    contact: Contact | None,
    purpose: str,
) -> str:
    if contact is None or not lookup.deliverable(app, contact.channel):
        return "nothing to send"
    code = challenges.issue(tx, app, operation, Challenge(purpose, user.id, contact))
    records.send_code(tx, operation, code, f"{purpose}_code", user.username)
    return "ok"


def _send_to_registration(
    tx: Transaction,
    app: App,
    operation: Operation,
    registration: Registration,
    contact: Contact,
) -> str:
    challenge = Challenge("verify", registration.id, contact)
    name = registration.username
    challenges.ask_for_proof(tx, app, operation, challenge, name, "verify_code")
    return "ok"
