"""Resetting a forgotten password.

    forgot --> code mailed --> validate --> grant (10 min) --> new password
                     |                                            ^
                     +---- link token, or identifier and code ----+

The order inside `finish` is part of the promise:

    1. the new password's own rules     422, and nothing was counted
    2. the proof                        it alone names the account
    3. the rules about identifiers      422, the proof is still unspent
    4. the hash
    5. one transaction: spend the proof, store the hash, end every session, code
       and refresh token, tell the owner

An identifier sent beside a proof that names another account is refused: no form
field may redirect a proof. A reset opens no session.

Whoever knew the password may have added a contact of his own, and would reset
it back by that. So a reset by the older contact takes away one that was added
less than a week ago, which is what its owner was told to do about it.
"""

from typing import NamedTuple

from authserver import errors
from authserver.app import App, Caller
from authserver.flows import budgets, challenges, lookup, records, send_code
from authserver.flows.budgets import Attempt
from authserver.flows.challenges import Challenge
from authserver.flows.lookup import Contact, Request
from authserver.flows.records import Operation
from authserver.identifiers import Identifier
from authserver.passwords import policy
from authserver.store import one_time_codes, sessions, users
from authserver.store.database import Transaction
from authserver.store.one_time_codes import OneTimeCode
from authserver.store.users import User

LINK_PURPOSES = ("reset", "grant")
DAY_S = 86400
RECENT_S = 7 * DAY_S  # somebody reads mail once a week
JOINING_S = DAY_S  # both contacts of a registration are proven by then


class Proof(NamedTuple):
    """What shows that the caller may set the password."""

    token: str | None = None
    identifier: Identifier | None = None
    otp: str | None = None


class _Proven(NamedTuple):
    user: User
    code: OneTimeCode


def forgot(app: App, caller: Caller, identifier: Identifier) -> None:
    """Send a reset code, if there is an account; raises `TooManyRequests`."""
    send_code.send(app, caller, Request(identifier), "reset")


def validate(app: App, caller: Caller, identifier: Identifier, otp: str) -> str:
    """Exchange a reset code for a grant token, good for ten minutes.

    Raises `InvalidCode`, `TooManyRequests`.
    """
    with budgets.admit_guess(app, caller, identifier.value):
        operation = records.operation(app, caller)
        grant = app.database.transaction(_validate, app, operation, identifier, otp)
        token = challenges.grant_token(app, grant) if grant else None
        if token is None:
            raise errors.InvalidCode("no reset code matches")
        return token


def finish(app: App, caller: Caller, proof: Proof, new_password: str) -> None:
    """Set a new password and end everything the old one opened.

    Raises `RuleBroken`, `InvalidCode`, `TooManyRequests`.
    """
    policy.check("new_password", new_password)
    operation = records.operation(app, caller)
    with _admit(app, caller, proof):
        proven = _prove(app, operation, proof)
        if proven is None:
            app.database.transaction(_refused, operation, proof)
            raise errors.InvalidCode("no live proof")
        user = proven.user
        own = (user.username, user.email, user.phone)
        policy.check("new_password", new_password, own=own)
        password_hash = app.hasher.hash(new_password)
        if not app.database.transaction(_store, operation, proven, password_hash):
            raise errors.InvalidCode("proof spent by somebody faster")
    app.delivery_due.set()


def _admit(app: App, caller: Caller, proof: Proof) -> Attempt:
    if proof.token is not None:
        return budgets.admit_token(app, caller)
    who = proof.identifier.value if proof.identifier else ""
    return budgets.admit_guess(app, caller, who)


def _prove(app: App, operation: Operation, proof: Proof) -> _Proven | None:
    if proof.token is not None:
        return app.database.read(_prove_by_token, app, operation, proof)
    return app.database.transaction(_prove_by_code, app, operation, proof)


def _validate(
    tx: Transaction, app: App, operation: Operation, identifier: Identifier, otp: str
) -> OneTimeCode | None:
    proven = _guess(tx, app, operation, identifier, otp)
    if proven is None or not challenges.spend(tx, proven.code, operation):
        records.note(
            tx, operation, "validate_reset", "refused", identifier=identifier.value
        )
        return None
    contact = Contact(proven.code.channel, proven.code.contact)
    challenge = Challenge("grant", proven.user.id, contact)
    records.note(tx, operation, "validate_reset", user_id=proven.user.id)
    # A second validated code replaces the grant of the first.
    one_time_codes.delete_by_purpose(tx, proven.user.id, purpose="grant")
    return challenges.issue(tx, app, operation, challenge)


def _prove_by_code(
    tx: Transaction, app: App, operation: Operation, proof: Proof
) -> _Proven | None:
    if proof.identifier is None or proof.otp is None:
        return None
    return _guess(tx, app, operation, proof.identifier, proof.otp)


def _guess(
    tx: Transaction, app: App, operation: Operation, identifier: Identifier, otp: str
) -> _Proven | None:
    """Compare with the reset code, charging code and account an attempt."""
    now, who = operation.now, identifier.value
    user = lookup.find_addressee(tx, identifier)
    user_id = user.id if user else None
    payer = budgets.payer_of(tx, user_id, operation.caller, who, now=now)
    allowed = budgets.charge_code(tx, payer, now=now)
    contact = lookup.contact_of(user, identifier) if user else None
    if user is None or contact is None or not allowed:
        return None
    found = challenges.find(tx, Challenge("reset", user.id, contact))
    code = challenges.guess(tx, app, [found] if found else [], otp, now=now)
    if code is None or user.disabled_at is not None:
        return None
    budgets.refund_code(tx, payer, now=now)
    return _Proven(user, code)


def _prove_by_token(
    tx: Transaction, app: App, operation: Operation, proof: Proof
) -> _Proven | None:
    code = challenges.find_by_link(
        tx, app, proof.token or "", purposes=LINK_PURPOSES, now=operation.now
    )
    user = users.find_by_id(tx, code.subject_id) if code else None
    if code is None or user is None or user.disabled_at is not None:
        return None
    if proof.identifier is not None:
        named = lookup.find_user(tx, proof.identifier)
        if named is None or named.id != user.id:
            return None
    return _Proven(user, code)


def _refused(tx: Transaction, operation: Operation, proof: Proof) -> None:
    who = proof.identifier.value if proof.identifier else None
    records.note(tx, operation, "reset_password", "refused", identifier=who)


def _store(
    tx: Transaction, operation: Operation, proven: _Proven, password_hash: str
) -> bool:
    code, now = proven.code, operation.now
    version, contact = proven.user.password_version, Contact(code.channel, code.contact)
    if not users.lock(tx, proven.user.id, password_version=version):
        return False
    # The row is locked: while we hashed, another contact may have been proven.
    user = users.find_by_id(tx, proven.user.id)
    if user is None or not lookup.opens(user, contact):
        return False
    if not challenges.spend(tx, code, operation):
        return False
    users.update_password(
        tx, user.id, password_hash=password_hash, password_version=version
    )
    user = _mark_proven(tx, user, contact, now)
    _take_back_addition(tx, operation, user, contact)
    sessions.revoke_by_user(tx, user.id, reason="password reset", now=now)
    one_time_codes.delete_by_subject(tx, user.id)
    budgets.forget_failures(tx, user.id, operation.caller)
    records.note(tx, operation, "reset_password", user_id=user.id)
    tell_owner(tx, operation, user)
    return True


def _mark_proven(tx: Transaction, user: User, contact: Contact, now: int) -> User:
    """Make the contact that the code was read at the user's proven one."""
    if lookup.is_proven(user, contact):
        return user
    # A closed group's account, which a stranger may have opened in this
    # person's name: his other contact would let him back in.
    for channel in lookup.CHANNELS.values():
        lookup.set_contact(tx, user.id, channel, None)
    lookup.set_contact(tx, user.id, *contact, proven_at=now)
    return users.find_by_id(tx, user.id) or user


def _take_back_addition(
    tx: Transaction, operation: Operation, user: User, proof: Contact
) -> None:
    """Remove a contact that was lately added to the one of the proof."""
    proven_at = {"email": user.email_verified_at, "sms": user.phone_verified_at}
    oldest = proven_at[proof.channel] or operation.now
    for added in lookup.contacts_of(user):
        at = proven_at[added.channel] or 0
        since = max(oldest, user.created_at + JOINING_S, operation.now - RECENT_S)
        if added != proof and at > since:
            lookup.set_contact(tx, user.id, added.channel, None)
            who = {"user_id": user.id, "identifier": added.value}
            records.note(tx, operation, "lose_contact", **who)
            # Should it have been the owner's after all, he hears of it there.
            records.send_notice(tx, operation, "password_changed", added, user.username)


def tell_owner(tx: Transaction, operation: Operation, user: User) -> None:
    """Queue the notice that the password is another one now."""
    contact = lookup.contact_of(user)
    if contact is not None:
        records.send_notice(tx, operation, "password_changed", contact, user.username)
