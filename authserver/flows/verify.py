"""Proving a contact: a code is sent, comes back, and makes or changes a user.

    who has the code       subject of the code      what the proof does
    ---------------------  -----------------------  ---------------------------
    somebody registering   registration             makes the user
    a user, in a session   the user, new contact    replaces the old contact
    a user, none proven    the user, own contact    marks it as proven

A contact that was proven belongs to one user. Whoever holds the same contact
without proof (from a closed group, or an import) loses it and all sessions: it
was never theirs.

A registration with two contacts becomes a user by the first one proven; the
second is attached only inside that user's session, never by its code alone, or
a stranger could add the address of a victim and have the victim complete it.
The same holds for a user's unproven contact beside a proven one.
What the link beside the code can do is in `confirm`.

A code works once. Whose proof was taken in an outage of the database, and the
answer to it lost, hears 200 for it again: that opens nothing.
"""

from authserver import errors
from authserver.app import App, Caller
from authserver.flows import budgets, challenges, lookup, records, repeats
from authserver.flows.lookup import Contact, Profile, Request, Subject
from authserver.flows.records import Operation
from authserver.store import one_time_codes, registrations, sessions, users
from authserver.store.database import Transaction
from authserver.store.one_time_codes import OneTimeCode
from authserver.store.registrations import Registration
from authserver.store.users import User


def with_code(app: App, caller: Caller, request: Request, otp: str) -> Profile:
    """Prove a contact with the code sent to it.

    Raises `InvalidCode`, `UsernameTaken`, `TooManyRequests`.
    """
    with budgets.admit_guess(app, caller, request.identifier.value):
        operation = records.operation(app, caller)
        admitted = challenges.admit(app, operation, request, budgets.may_guess)
        outcome = app.database.transaction(
            _verify, app, operation, request, otp, admitted=admitted
        )
        if isinstance(outcome, errors.AuthError):
            raise outcome
        app.delivery_due.set()
        return lookup.profile_of(outcome)


def make_user(
    tx: Transaction, operation: Operation, registration: Registration, code: OneTimeCode
) -> User | errors.AuthError:
    """Turn a registration into the user it becomes by a proven contact.

    Spends the code. Returns the refusal when the name or the contact was taken
    by somebody who was faster.
    """
    contact = Contact(code.channel, code.contact)
    if users.find_by_username(tx, registration.username):
        return errors.UsernameTaken()
    if not _free(tx, operation, contact) or not challenges.spend(tx, code, operation):
        return errors.InvalidCode("contact taken or code spent")
    by_email = contact.channel == "email"
    user = User(
        id=registration.id,
        username=registration.username,
        email=contact.value if by_email else None,
        email_verified_at=operation.now if by_email else None,
        phone=None if by_email else contact.value,
        phone_verified_at=None if by_email else operation.now,
        password_hash=registration.password_hash,
        password_version=1,
        roles="",
        created_at=operation.now,
    )
    users.insert(tx, user)
    registrations.delete_by_id(tx, registration.id)
    records.note(tx, operation, "verify", user_id=user.id, identifier=contact.value)
    return user


def prove(
    tx: Transaction, operation: Operation, code: OneTimeCode
) -> User | errors.AuthError:
    """Make the contact of a code, or of its link, a user's proven one.

    Spends the code. Returns the refusal when somebody was faster.
    """
    registration = registrations.find_by_id(tx, code.subject_id, now=operation.now)
    if registration is not None:
        return make_user(tx, operation, registration, code)
    user = users.find_by_id(tx, code.subject_id)
    contact = Contact(code.channel, code.contact)
    if (
        user is None
        or not _free(tx, operation, contact, keep=user.id)
        or not challenges.spend(tx, code, operation)
    ):
        return errors.InvalidCode("contact taken or code spent")
    return _attach(tx, operation, user, contact)


def _verify(
    tx: Transaction,
    app: App,
    operation: Operation,
    request: Request,
    otp: str,
    *,
    admitted: frozenset[Contact],
) -> User | errors.AuthError:
    """Judge a guess; returns the outcome, so that the attempt is committed."""
    subject = lookup.resolve(tx, request, operation.caller, now=operation.now)
    user = subject.user or (request.session.user if request.session else None)
    who = request.identifier.value
    payer = budgets.payer_of(
        tx, user.id if user else None, operation.caller, who, now=operation.now
    )
    allowed = budgets.charge_code(tx, payer, now=operation.now) or user is None
    candidates = _candidates(tx, subject, request, admitted) if allowed else []
    code = challenges.guess(tx, app, candidates, otp, now=operation.now)
    outcome: User | errors.AuthError = errors.InvalidCode("no code matches")
    if code is not None:
        outcome = prove(tx, operation, code)
    elif user is not None and _was_proven(app, operation, user, candidates, otp):
        outcome = user
    if isinstance(outcome, errors.AuthError):
        user_id = user.id if user else None
        records.note(
            tx, operation, "verify", outcome.code, user_id=user_id, identifier=who
        )
    else:
        budgets.refund_code(tx, payer, now=operation.now)
    return outcome


def _was_proven(
    app: App, operation: Operation, user: User, candidates: list[OneTimeCode], otp: str
) -> bool:
    """Tell whether the user did it with these digits, in an outage."""
    return any(
        code.subject_id == user.id
        and code.spent_at is not None
        and repeats.fell_into_outage(app, operation.now - code.spent_at)
        and lookup.is_proven(user, Contact(code.channel, code.contact))
        and challenges.matches(app, code, otp)
        for code in candidates
    )


def _candidates(
    tx: Transaction, subject: Subject, request: Request, admitted: frozenset[Contact]
) -> list[OneTimeCode]:
    found = challenges.outstanding(
        tx, subject, request.identifier, admitted, purpose="verify"
    )
    pending = challenges.pending_change(tx, request)
    # In a closed group it may be the same code.
    return found if pending is None or pending in found else [pending, *found]


def _attach(
    tx: Transaction, operation: Operation, user: User, contact: Contact
) -> User | errors.AuthError:
    """Make a proven contact the user's, and tell the one that they had.

    That is the contact it replaces, else (or if nobody proved that) the other
    one: whoever reads the new one may reset the password, so the person should
    know.
    """
    had = {each.channel: each for each in lookup.contacts_of(user)}
    old = had.get(contact.channel)
    known = old if old and lookup.opens(user, old) else lookup.contact_of(user)
    lookup.set_contact(tx, user.id, *contact, proven_at=operation.now)
    if old is not None and old != contact:
        # What is on its way to the old contact must not open the account.
        one_time_codes.delete_by_contact(tx, user.id, contact=old.value)
    if known is not None and known != contact:
        kind = "contact_added" if old in (None, contact) else "contact_changed"
        records.send_notice(tx, operation, kind, known, user.username)
    event = "verify" if old == contact else "change_contact"
    records.note(tx, operation, event, user_id=user.id, identifier=contact.value)
    return users.find_by_id(tx, user.id) or errors.InvalidCode("user is gone")


def _free(
    tx: Transaction, operation: Operation, contact: Contact, *, keep: str = ""
) -> bool:
    """Take a contact from a holder who never proved it; False if one did."""
    holder = lookup.find_holder(tx, contact)
    if holder is None or holder.id == keep:
        return True
    if lookup.is_proven(holder, contact):
        return False
    lookup.set_contact(tx, holder.id, contact.channel, None)
    sessions.revoke_by_user(tx, holder.id, reason="contact lost", now=operation.now)
    one_time_codes.delete_by_subject(tx, holder.id)
    records.note(
        tx, operation, "lose_contact", user_id=holder.id, identifier=contact.value
    )
    return True
