"""Whom an identifier means, and what of a person may be shown.

An identifier -- user name, e-mail address or phone number -- resolves to a
user, else to the live registrations that carry it. At most one user has it;
several registrations may.

Having a contact is not having proven it: an import or a closed group may bring
one that was mistyped and is a stranger's. So there is one rule for all codes
and links, `opens`. A user's contact that was never proven opens nothing as soon
as the user has proven another one: no code for it is sent or taken, by whatever
identifier, and it looks like one that nobody has. It is proven as a further
contact is, inside the user's session or with the password. Whose it really is
registers an account of their own and takes it with them (`verify`). Only where
a user has proven nothing at all does the first proof decide.
"""

from typing import NamedTuple

from authserver import errors, identifiers
from authserver.app import App, Caller
from authserver.errors import Complaint
from authserver.flows import places
from authserver.flows.authenticate import Authenticated
from authserver.identifiers import Identifier
from authserver.store import registrations, users
from authserver.store.database import Transaction
from authserver.store.registrations import Registration
from authserver.store.users import User

NO_TEXT_MESSAGES = Complaint(
    "phone_not_reached", "This server cannot send text messages."
)
NO_SUCH_COUNTRY = Complaint(
    "phone_country", "This server sends no text messages to that country."
)
CHANNELS = {"email": "email", "phone": "sms"}  # how to reach a kind of identifier


class Profile(NamedTuple):
    """A person as responses show one."""

    id: str
    username: str
    email: str | None
    phone: str | None
    is_verified: bool


class Contact(NamedTuple):
    """Where a code can be sent."""

    channel: str  # "email" or "sms"
    value: str


class Subject(NamedTuple):
    """Whom codes concern: one user, or some registrations, or nobody."""

    user: User | None
    registrations: list[Registration]


class Request(NamedTuple):
    """Whom a code is for, as the caller put it.

    `registration_id` names one of several registrations; `session` is that of a
    user who adds a contact.
    """

    identifier: Identifier
    registration_id: str | None = None
    session: Authenticated | None = None


def identify(app: App, text: str) -> Identifier:
    """Return the canonical form of what was typed; raise `RuleBroken`."""
    return identifiers.parse(text, country_code=app.settings.phone_country_code)


def profile_of(person: User | Registration) -> Profile:
    """Return what may be shown of a user or registration to themselves."""
    verified = isinstance(person, User) and has_proven(person)
    return Profile(person.id, person.username, person.email, person.phone, verified)


def find_user(tx: Transaction, identifier: Identifier) -> User | None:
    """Return the user who has `identifier`, be it proven or not."""
    contact = contact_in(identifier)
    if contact is None:
        return users.find_by_username(tx, identifier.value)
    return find_holder(tx, contact)


def find_holder(tx: Transaction, contact: Contact) -> User | None:
    """Return the user who has this contact, proven or not."""
    if contact.channel == "email":
        return users.find_by_email(tx, contact.value)
    return users.find_by_phone(tx, contact.value)


def find_addressee(tx: Transaction, identifier: Identifier) -> User | None:
    """Return the user whose account codes for `identifier` may open."""
    user, contact = find_user(tx, identifier), contact_in(identifier)
    if user is not None and contact is not None and not opens(user, contact):
        return None
    return user


def resolve(tx: Transaction, request: Request, caller: Caller, *, now: int) -> Subject:
    """Return whom codes for the request's identifier concern.

    Both tables are always read, so that the time tells nothing.
    """
    user = find_addressee(tx, request.identifier)
    waiting = list_meant(tx, request, caller, now=now)
    return Subject(user, [] if user else waiting)


def list_meant(
    tx: Transaction, request: Request, caller: Caller, *, now: int
) -> list[Registration]:
    """Return which of the registrations that share an identifier is meant.

    The one with the id given; else those made from the caller's own network, if
    there are any, newest first. A stranger elsewhere can register the same name
    and address with a password of his own, and his code arrives in the same
    mailbox: typed in where the owner registered, it opens nothing.
    """
    who, place = request.identifier, places.network(caller.address)
    if request.registration_id is not None:
        one = registrations.find_by_id(tx, request.registration_id, now=now)
        own = one is not None and who.value in (one.username, one.email, one.phone)
        return [one] if one is not None and own else []
    contact = contact_in(who)
    if contact is None:
        waiting = registrations.list_by_username(tx, who.value, first=place, now=now)
    else:
        waiting = list_waiting(tx, contact, now=now)
    return [each for each in waiting if each.address == place] or waiting


def list_waiting(tx: Transaction, contact: Contact, *, now: int) -> list[Registration]:
    """Return the live registrations with this contact, newest first."""
    if contact.channel == "email":
        return registrations.list_by_email(tx, contact.value, now=now)
    return registrations.list_by_phone(tx, contact.value, now=now)


def contact_in(identifier: Identifier) -> Contact | None:
    """Return the contact that `identifier` is; a user name is none."""
    if identifier.kind == "username":
        return None
    return Contact(CHANNELS[identifier.kind], identifier.value)


def contact_of(
    person: User | Registration, identifier: Identifier | None = None
) -> Contact | None:
    """Return the contact that is named, if it opens the account.

    A user name, or nothing, means the first that does: e-mail, then phone.
    """
    named = contact_in(identifier) if identifier else None
    usable = [
        each
        for each in contacts_of(person)
        if named in (None, each) and opens(person, each)
    ]
    return usable[0] if usable else None


def contacts_of(person: User | Registration) -> list[Contact]:
    """Return all contacts of a person, e-mail first."""
    both = (("email", person.email), ("sms", person.phone))
    return [Contact(channel, value) for channel, value in both if value]


def opens(person: User | Registration, contact: Contact) -> bool:
    """Tell whether a code read at this contact may open the account."""
    if contact not in contacts_of(person):
        return False
    if isinstance(person, Registration):
        return True
    return is_proven(person, contact) or not has_proven(person)


def has_proven(user: User) -> bool:
    """Tell whether any contact of the user was proven."""
    return bool(user.email_verified_at or user.phone_verified_at)


def is_proven(user: User, contact: Contact) -> bool:
    """Tell whether this contact is the user's own and was proven."""
    if contact.channel == "email":
        return user.email == contact.value and user.email_verified_at is not None
    return user.phone == contact.value and user.phone_verified_at is not None


def set_contact(
    tx: Transaction,
    user_id: str,
    channel: str,
    value: str | None,
    *,
    proven_at: int | None = None,
) -> None:
    """Set what a user has for `channel`; one in use is a `UniqueViolation`."""
    update = users.update_email if channel == "email" else users.update_phone
    update(tx, user_id, value, verified_at=proven_at)


def deliverable(app: App, channel: str) -> bool:
    """Tell whether messages can leave by this channel.

    Without a mail server everything goes to the console; with one, text
    messages need a provider of their own.
    """
    settings = app.settings
    return (
        channel == "email" or settings.sms_configured or not settings.email_configured
    )


def check_number(app: App, phone: str) -> None:
    """Raise `RuleBroken` for a number that no text message may be sent to."""
    if not deliverable(app, "sms"):
        raise errors.RuleBroken("phone", NO_TEXT_MESSAGES)
    if not identifiers.is_of_country(phone, app.settings.sms_countries):
        raise errors.RuleBroken("phone", NO_SUCH_COUNTRY)
