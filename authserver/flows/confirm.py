"""Proving a contact by the link of a mail, with or without the password.

    subject of the link                   what must come with the token
    ------------------------------------  ---------------------------------
    a registration                        nothing more
    a user, who has proven nothing yet    nothing more (a closed group)
    a user, another contact               this user's session or password

The token shows that somebody reads the mailbox. It does not show that they are
the one who opened the account: a stranger can register my address with a
password of his own, and wait for me to follow the link. So our page always asks
for the password chosen at registration, and a password that comes must be
right; I do not know his, and bless nothing.

A link must not become a side door for guessing, say when it was mailed to a
mistyped address. So a password is judged as at the login: charged before the
hash, to the address and silently to the account or the contact; one hash,
whoever it is; and the token stays unspent.
"""

from typing import NamedTuple

from authserver import errors
from authserver.app import App, Caller
from authserver.flows import budgets, challenges, lookup, records, verify
from authserver.flows.authenticate import Authenticated
from authserver.flows.budgets import Attempt
from authserver.flows.lookup import Contact, Profile
from authserver.flows.records import Operation
from authserver.store import registrations, users
from authserver.store.database import Transaction
from authserver.store.one_time_codes import OneTimeCode
from authserver.store.registrations import Registration
from authserver.store.users import User


class Proof(NamedTuple):
    """What the caller brings: a link's token, perhaps password or session."""

    token: str
    password: str | None = None
    session: Authenticated | None = None


class _Link(NamedTuple):
    code: OneTimeCode
    person: User | Registration

    @property
    def user_id(self) -> str | None:
        return self.person.id if isinstance(self.person, User) else None


def with_link(app: App, caller: Caller, proof: Proof) -> Profile:
    """Prove the contact that a link was mailed to.

    Raises `InvalidCode`, `InvalidCredentials`, `UsernameTaken`,
    `TooManyRequests`.
    """
    operation = records.operation(app, caller)
    link = app.database.read(_find, app, operation, proof.token)
    with _admit(app, caller, link, proof):
        payer = None
        if proof.password is not None:
            payer = _check_password(app, operation, link, proof.password)
        outcome = app.database.transaction(_confirm, app, operation, proof, payer=payer)
        if isinstance(outcome, errors.AuthError):
            raise outcome
        app.delivery_due.set()
        return lookup.profile_of(outcome)


def _find(tx: Transaction, app: App, operation: Operation, token: str) -> _Link | None:
    """Return what a token leads to, unless it is forged, spent or expired."""
    now = operation.now
    code = challenges.find_by_link(tx, app, token, purposes=("verify",), now=now)
    if code is None:
        return None
    registration = registrations.find_by_id(tx, code.subject_id, now=now)
    user = users.find_by_id(tx, code.subject_id)
    if user is not None and user.disabled_at is not None:
        return None
    person = registration or user
    return _Link(code, person) if person else None


def _admit(app: App, caller: Caller, link: _Link | None, proof: Proof) -> Attempt:
    if link is None or proof.password is None:
        return budgets.admit_token(app, caller)
    return budgets.admit_password(app, caller, link.person.username)


def _check_password(
    app: App, operation: Operation, link: _Link | None, password: str
) -> str:
    """Return whose budget paid for the right password, or refuse."""
    # In memory, so before the transaction, which may run twice.
    allowed = link is not None and (
        link.user_id is not None or budgets.may_try_password(app, link.code.contact)
    )
    payer, charged = app.database.transaction(_charge, operation, link)
    stored = link.person.password_hash if link and allowed and charged else None
    if app.hasher.verify(password, stored):
        return payer
    refusal: errors.AuthError = errors.InvalidCode("no live link")
    if link is not None:
        refusal = errors.InvalidCredentials("password does not match")
    app.database.transaction(_note_refusal, operation, link, refusal)
    raise refusal


def _charge(
    tx: Transaction, operation: Operation, link: _Link | None
) -> tuple[str, bool]:
    user_id, now = link.user_id if link else None, operation.now
    contact = link.code.contact if link else ""
    payer = budgets.payer_of(tx, user_id, operation.caller, contact, now=now)
    charged = budgets.charge_password(tx, payer, now=now)
    return payer, charged or user_id is None


def _confirm(
    tx: Transaction,
    app: App,
    operation: Operation,
    proof: Proof,
    *,
    payer: str | None,
) -> User | errors.AuthError:
    """Spend the token and prove the contact, or return the refusal."""
    link = _find(tx, app, operation, proof.token)
    outcome: User | errors.AuthError = errors.InvalidCode("no live link")
    # A password that was replaced meanwhile took the link with it.
    if link is not None and (payer is not None or _suffices(link, proof.session)):
        outcome = verify.prove(tx, operation, link.code)
    elif link is not None:
        outcome = errors.InvalidCredentials("link of a user who is not here")
    if payer is not None:
        budgets.refund_password(tx, payer, now=operation.now)
    if isinstance(outcome, errors.AuthError):
        _note_refusal(tx, operation, link, outcome)
    return outcome


def _suffices(link: _Link, session: Authenticated | None) -> bool:
    """Tell whether the token needs no password beside it."""
    person = link.person
    contact = Contact(link.code.channel, link.code.contact)
    if lookup.opens(person, contact):
        return True
    return session is not None and session.user.id == person.id


def _note_refusal(
    tx: Transaction,
    operation: Operation,
    link: _Link | None,
    refusal: errors.AuthError,
) -> None:
    records.note(
        tx,
        operation,
        "verify",
        refusal.code,
        user_id=link.user_id if link else None,
        identifier=link.code.contact if link else None,
    )
