"""Logging in: by password, or by a one-time code.

By password, in this order, each step with its reason:

    1. visible limits        hashing costs 0.2 s: an unlimited login would be a
                             denial-of-service button
    2. charge the account    committed before the hash, so that parallel guesses
                             all pay; a decoy row for an unknown identifier
    3. one hash              always one: unknown, locked and wrong take as long
    4. one transaction       opens the session, or writes down the failure

Unknown account, wrong password, locked and disabled account are one answer. A
right password for a registration says `contact_not_verified`, but only when it
was given with the user name: with an address, account and registration may
share it, and the answer would tell which there is.
"""

from typing import NamedTuple

from authserver import errors
from authserver.app import App, Caller
from authserver.flows import budgets, challenges, lookup, opening, records, verify
from authserver.flows.lookup import Contact, Request
from authserver.flows.opening import Draft, SignedIn, Terms
from authserver.flows.records import Operation
from authserver.identifiers import Identifier
from authserver.store import registrations, users
from authserver.store.database import Transaction
from authserver.store.one_time_codes import OneTimeCode
from authserver.store.registrations import Registration
from authserver.store.sessions import Session
from authserver.store.users import User


class _Admitted(NamedTuple):
    """Whom a password is checked for, and whose budget paid for it."""

    person: User | Registration | None
    payer: str
    closed: str | None  # why even the right password must not match


class _Opened(NamedTuple):
    user: User
    session: Session


def with_password(
    app: App, caller: Caller, identifier: Identifier, password: str, terms: Terms
) -> SignedIn:
    """Check a password and open a session.

    Raises `TooManyRequests`, `InvalidCredentials`, `ContactNotVerified`,
    `SessionActive`.
    """
    with budgets.admit_password(app, caller, identifier.value):
        operation = records.operation(app, caller)
        admitted = app.database.transaction(_admit, operation, identifier)
        person = admitted.person
        # Locked, disabled, unknown: one hash all the same, of a dummy.
        stored = person.password_hash if person and not admitted.closed else None
        if not app.hasher.verify(password, stored) or person is None:
            app.database.transaction(_fail, operation, identifier, admitted)
            raise errors.InvalidCredentials("password does not match")
        if isinstance(person, Registration):
            app.database.transaction(_unproven, operation, admitted.payer, person)
            raise errors.ContactNotVerified()
        rehashed = None
        if app.hasher.needs_rehash(person.password_hash):
            rehashed = app.hasher.hash(password)
        plan = opening.draft(terms, amr="pwd", now=operation.now)
        opened = app.database.transaction(
            _open, app, operation, person, plan, payer=admitted.payer, rehashed=rehashed
        )
        if isinstance(opened, errors.AuthError):
            raise opened
        return opening.signed_in(app, opened.user, opened.session, plan)


def with_code(
    app: App, caller: Caller, identifier: Identifier, otp: str, terms: Terms
) -> SignedIn:
    """Open a session by a login code, or by the code of a registration.

    Raises `TooManyRequests`, `InvalidCode`, `UsernameTaken`, `SessionActive`.
    """
    with budgets.admit_guess(app, caller, identifier.value):
        operation = records.operation(app, caller)
        plan = opening.draft(terms, amr="otp", now=operation.now)
        request = Request(identifier)
        admitted = challenges.admit(app, operation, request, budgets.may_guess)
        opened = app.database.transaction(
            _open_by_code, app, operation, request, otp, plan, admitted=admitted
        )
        if isinstance(opened, errors.AuthError):
            raise opened
        return opening.signed_in(app, opened.user, opened.session, plan)


def _admit(tx: Transaction, operation: Operation, identifier: Identifier) -> _Admitted:
    now, who = operation.now, identifier.value
    # By a password even a contact that opens nothing (`lookup`) may be named.
    user = lookup.find_user(tx, identifier)
    waiting = lookup.list_meant(tx, Request(identifier), operation.caller, now=now)
    payer = budgets.payer_of(
        tx, user.id if user else None, operation.caller, who, now=now
    )
    charged = budgets.charge_password(tx, payer, now=now)
    closed = None
    if user is not None and user.disabled_at is not None:
        closed = "account_disabled"
    elif user is not None and not charged:
        closed = "account_locked"
    by_name = identifier.kind == "username" and waiting
    person = user or (waiting[0] if by_name else None)
    return _Admitted(person, payer, closed)


def _fail(
    tx: Transaction,
    operation: Operation,
    identifier: Identifier,
    admitted: _Admitted,
) -> None:
    records.note(
        tx,
        operation,
        "login",
        admitted.closed or "invalid_credentials",
        user_id=admitted.person.id if admitted.person else None,
        identifier=identifier.value,
    )


def _unproven(
    tx: Transaction, operation: Operation, payer: str, registration: Registration
) -> None:
    budgets.refund_password(tx, payer, now=operation.now)
    records.note(
        tx,
        operation,
        "login",
        "contact_not_verified",
        user_id=registration.id,
        identifier=registration.username,
    )


def _open(  # noqa: PLR0913 - what one transaction needs
    tx: Transaction,
    app: App,
    operation: Operation,
    user: User,
    plan: Draft,
    *,
    payer: str,
    rehashed: str | None,
) -> _Opened | errors.AuthError:
    refusal = opening.allowed(tx, app, operation, user, plan)
    if not isinstance(refusal, errors.InvalidCredentials):
        budgets.refund_password(tx, payer, now=operation.now)
    if refusal is not None:
        records.note(
            tx,
            operation,
            "login",
            refusal.code,
            user_id=user.id,
            identifier=user.username,
        )
        return refusal
    if rehashed is not None:
        users.update_hash(
            tx,
            user.id,
            password_hash=rehashed,
            password_version=user.password_version,
        )
    return _Opened(user, opening.insert(tx, app, operation, user, plan))


def _open_by_code(  # noqa: PLR0913 - what one transaction needs
    tx: Transaction,
    app: App,
    operation: Operation,
    request: Request,
    otp: str,
    plan: Draft,
    *,
    admitted: frozenset[Contact],
) -> _Opened | errors.AuthError:
    now, who = operation.now, request.identifier.value
    subject = lookup.resolve(tx, request, operation.caller, now=now)
    user_id = subject.user.id if subject.user else None
    payer = budgets.payer_of(tx, user_id, operation.caller, who, now=now)
    allowed = budgets.charge_code(tx, payer, now=now) or user_id is None
    candidates = []
    if allowed:
        candidates = challenges.outstanding(
            tx, subject, request.identifier, admitted, purpose="login"
        )
    code = challenges.guess(tx, app, candidates, otp, now=now)
    outcome: _Opened | errors.AuthError = errors.InvalidCode("no code matches")
    if code is not None:
        outcome = _spend_and_open(tx, app, operation, code, plan)
    if isinstance(outcome, errors.AuthError):
        records.note(
            tx, operation, "login", outcome.code, user_id=user_id, identifier=who
        )
    if not isinstance(outcome, errors.InvalidCode):
        budgets.refund_code(tx, payer, now=now)
    return outcome


def _spend_and_open(
    tx: Transaction, app: App, operation: Operation, code: OneTimeCode, plan: Draft
) -> _Opened | errors.AuthError:
    user: User | errors.AuthError | None = users.find_by_id(tx, code.subject_id)
    registration = registrations.find_by_id(tx, code.subject_id, now=operation.now)
    if registration is not None:
        user = verify.make_user(tx, operation, registration, code)
    if isinstance(user, errors.AuthError):
        return user
    if user is None:
        return errors.InvalidCode("subject is gone")
    refusal = opening.allowed(tx, app, operation, user, plan)
    if refusal is not None:
        return refusal
    # A registration's code was spent when it became a user.
    if registration is None and not challenges.spend(tx, code, operation):
        return errors.InvalidCode("spent by somebody faster")
    return _Opened(user, opening.insert(tx, app, operation, user, plan))
