"""Registering: somebody wants an account and names where codes can reach them.

                    +-- contact free: code mailed --> verify makes the user
    registration ---+
                    +-- contact in use: "you already have an account" mailed

No account before proof: the registration is a row of its own for an hour, and
reserves nothing. Whether a contact is in use shows only in the mailbox that it
belongs to; the answer, the rows written and the time are the same.

User names are public, so a taken one is refused at once, and once more at the
moment of proof. In a closed group (REQUIRE_VERIFICATION=false) the user exists
right away and the contact stands unproven; there a contact in use is refused.
But one that somebody has unproven beside a proven one (`lookup.opens`) may be
yours: you wait for its proof as elsewhere, and that takes it from them.
"""

import functools
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from authserver import errors, identifiers, tokens
from authserver.app import App, Caller
from authserver.errors import Complaint
from authserver.flows import budgets, challenges, lookup, places, records
from authserver.flows.challenges import Challenge
from authserver.flows.lookup import Contact, Profile
from authserver.flows.records import Operation
from authserver.passwords import policy
from authserver.store import limits, one_time_codes, registrations, users
from authserver.store.database import Transaction
from authserver.store.limits import Limit
from authserver.store.registrations import Registration
from authserver.store.users import User

T = TypeVar("T")
IN_USE = Complaint("contact_in_use", "This is in use by another account.")
DIFFERENT = Complaint("passwords_differ", "The two passwords differ.")
REGISTRATION_TTL_S = 3600
MAX_PER_CONTACT = 5  # live registrations: guesses are made at each of them
MAX_PER_ADDRESS = 20  # a class room behind one address still gets in
LINES = 256  # to stand in: rows, so few; shared seldom enough


class Form(NamedTuple):
    """What the person typed."""

    username: str
    password: str
    email: str | None = None
    phone: str | None = None
    confirm_password: str | None = None


def register(app: App, caller: Caller, form: Form) -> Profile:
    """Take a registration and send a code to each contact given.

    Raises `RuleBroken`, `TooManyRequests`, `UsernameTaken`, `ContactTaken`.
    """
    registration = _checked(app, caller, form)
    contacts = lookup.contacts_of(registration)
    for contact in contacts:
        budgets.admit_send(app, caller, contact.value)
    # Asked twice: here before the hash, which costs the most, and once more in
    # the transaction, where the answer stands.
    refusal = app.database.read(_refusal, app, registration)
    if refusal is not None:
        raise refusal
    operation = records.operation(app, caller)
    password_hash = app.hasher.hash(form.password)
    registration = registration._replace(password_hash=password_hash)
    # Counted apart, so before the transaction, which may run twice.
    reachable = frozenset(
        contact for contact in contacts if budgets.may_send(app, contact.value)
    )
    refusal = app.database.transaction(_store, app, operation, registration, reachable)
    if refusal is not None:
        raise refusal
    app.delivery_due.set()
    return lookup.profile_of(registration)


def _checked(app: App, caller: Caller, form: Form) -> Registration:
    """Return the form in canonical shape, its password not hashed yet."""
    broken: list[errors.RuleBroken] = []
    username = _read(broken, identifiers.username, form.username) or ""
    email = _read(broken, identifiers.email, form.email)
    phone = _read(broken, functools.partial(_number, app), form.phone)
    own = tuple(each for each in (username, email, phone) if each)
    _read(broken, functools.partial(policy.check, "password", own=own), form.password)
    if form.confirm_password not in (None, form.password):
        broken.append(errors.RuleBroken("confirm_password", DIFFERENT))
    if broken:  # all of it at once, so that nobody mends field after field
        first, *others = broken
        first.faults += tuple(fault for each in others for fault in each.faults)
        raise first
    now = app.now()
    return Registration(
        id=tokens.new_id(now),
        username=username,
        email=email,
        phone=phone,
        password_hash="",
        address=places.network(caller.address),
        created_at=now,
        expires_at=now + REGISTRATION_TTL_S,
    )


def _read(
    broken: list[errors.RuleBroken], rule: Callable[[str], T], text: str | None
) -> T | None:
    """Return what a rule makes of a field, None if missing or broken."""
    if text is None:
        return None
    try:
        return rule(text)
    except errors.RuleBroken as refusal:
        broken.append(refusal)
        return None


def _number(app: App, text: str) -> str:
    phone = identifiers.phone(text, app.settings.phone_country_code)
    lookup.check_number(app, phone)
    return phone


def _store(
    tx: Transaction,
    app: App,
    operation: Operation,
    registration: Registration,
    reachable: frozenset[Contact],
) -> errors.AuthError | None:
    """Write everything, or return the refusal."""
    _stand_in_line(tx, registration)
    refusal = _refusal(tx, app, registration)
    if refusal is not None:
        return refusal
    contacts = lookup.contacts_of(registration)
    held = [lookup.find_holder(tx, contact) for contact in contacts]
    if app.settings.require_verification or any(held):
        _make_room(tx, registration)
        registrations.insert(tx, registration)
    else:
        users.insert(tx, _unproven_user(registration))
    for contact in contacts:
        challenge = Challenge("verify", registration.id, contact)
        kind = "verify_code" if contact in reachable else None
        challenges.ask_for_proof(
            tx, app, operation, challenge, registration.username, kind
        )
    records.note(
        tx,
        operation,
        "register",
        user_id=registration.id,
        identifier=registration.username,
    )
    return None


def _stand_in_line(tx: Transaction, registration: Registration) -> None:
    """Wait for whoever registers from this network or with a contact of these.

    What is counted below must not grow between the count and our own row. The
    rows that are locked stand for many each, so that they stay few.
    """
    waiting = (registration.address, registration.email, registration.phone)
    lines = {int(tokens.digest(each), 16) % LINES for each in waiting if each}
    for line in sorted(lines):  # in one order, or two would wait for each other
        name = f"registering {line}"
        limits.lock_or_insert(tx, Limit(name, 0, registration.created_at))


def _refusal(
    tx: Transaction, app: App, registration: Registration
) -> errors.AuthError | None:
    if users.find_by_username(tx, registration.username):
        return errors.UsernameTaken()
    now = registration.created_at
    live = registrations.count_by_address(tx, registration.address, now=now)
    if live.rows >= MAX_PER_ADDRESS and live.first_expires_at is not None:
        wait_s = live.first_expires_at - now
        return errors.TooManyRequests("registrations", retry_after_s=wait_s)
    if not app.settings.require_verification:
        taken = [
            contact
            for contact in lookup.contacts_of(registration)
            if (holder := lookup.find_holder(tx, contact)) is not None
            and lookup.opens(holder, contact)
        ]
        if taken:
            fields = ("email" if each.channel == "email" else "phone" for each in taken)
            return errors.ContactTaken(faults=tuple(map(IN_USE.of, fields)))
    return None


def _make_room(tx: Transaction, registration: Registration) -> None:
    """Keep a contact's registrations at five, whoever fills them up.

    The one to go is the oldest of the network that has the most. So a stranger
    who registers somebody's address over and over pushes out his own, and the
    owner, who comes once, gets in and stays.
    """
    for contact in lookup.contacts_of(registration):
        live = lookup.list_waiting(tx, contact, now=registration.created_at)
        if len(live) < MAX_PER_CONTACT:
            continue
        share = Counter(each.address for each in (*live, registration))
        # Listed newest first: backwards, the oldest of the largest share wins.
        spare = max(reversed(live), key=lambda each: share[each.address])
        registrations.delete_by_id(tx, spare.id)
        one_time_codes.delete_by_subject(tx, spare.id)


def _unproven_user(registration: Registration) -> User:
    return User(
        id=registration.id,
        username=registration.username,
        email=registration.email,
        email_verified_at=None,
        phone=registration.phone,
        phone_verified_at=None,
        password_hash=registration.password_hash,
        password_version=1,
        roles="",
        created_at=registration.created_at,
    )
