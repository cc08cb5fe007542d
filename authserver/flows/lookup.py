"""Whom an identifier means, and what of a person may be shown.

An identifier -- user name, e-mail address or phone number -- resolves to a
user, else to the live registrations that carry it. At most one user has it;
several registrations may.
"""

from typing import NamedTuple

from authserver import errors, identifiers
from authserver.app import App, Caller
from authserver.flows import places
from authserver.flows.authenticate import Authenticated
from authserver.identifiers import Identifier
from authserver.store import registrations, users
from authserver.store.database import Transaction
from authserver.store.registrations import Registration
from authserver.store.users import User


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
    """Whom an identifier means: one user, or some registrations, or nobody."""

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
    country_code = app.settings.phone_country_code or None
    return identifiers.parse(text, country_code=country_code)


def profile_of(person: User | Registration) -> Profile:
    """Return what may be shown of a user or registration to themselves."""
    verified = isinstance(person, User) and bool(
        person.email_verified_at or person.phone_verified_at
    )
    return Profile(person.id, person.username, person.email, person.phone, verified)


def find_user(tx: Transaction, identifier: Identifier) -> User | None:
    """Return the user whom `identifier` means."""
    if identifier.kind == "email":
        return users.find_by_email(tx, identifier.value)
    if identifier.kind == "phone":
        return users.find_by_phone(tx, identifier.value)
    return users.find_by_username(tx, identifier.value)


def find_holder(tx: Transaction, contact: Contact) -> User | None:
    """Return the user who has this contact, proven or not."""
    if contact.channel == "email":
        return users.find_by_email(tx, contact.value)
    return users.find_by_phone(tx, contact.value)


def resolve(tx: Transaction, identifier: Identifier, *, now: int) -> Subject:
    """Return whom `identifier` means.

    Both tables are always read, so that the time tells nothing.
    """
    user = find_user(tx, identifier)
    if identifier.kind == "username":
        waiting = registrations.list_by_username(tx, identifier.value, now=now)
    else:
        channel = "email" if identifier.kind == "email" else "sms"
        waiting = list_waiting(tx, Contact(channel, identifier.value), now=now)
    return Subject(user, [] if user else waiting)


def list_waiting(tx: Transaction, contact: Contact, *, now: int) -> list[Registration]:
    """Return the live registrations with this contact, newest first."""
    if contact.channel == "email":
        return registrations.list_by_email(tx, contact.value, now=now)
    return registrations.list_by_phone(tx, contact.value, now=now)


def meant(
    waiting: list[Registration], caller: Caller, registration_id: str | None
) -> list[Registration]:
    """Return which of the registrations that share an identifier is meant.

    The one with the id given; else those made from the caller's own network, if
    there are any. A stranger elsewhere can register the same name and address
    with a password of his own, and his code arrives in the same mailbox: typed
    in where the owner registered, it opens nothing.
    """
    if registration_id is not None:
        return [each for each in waiting if each.id == registration_id]
    place = places.network(caller.address)
    return [each for each in waiting if each.address == place] or waiting


def contact_of(
    person: User | Registration, identifier: Identifier | None = None
) -> Contact | None:
    """Return the contact that is named; a user name means the first."""
    kind = identifier.kind if identifier else "username"
    if person.email and kind in ("email", "username"):
        return Contact("email", person.email)
    if person.phone and kind in ("phone", "username"):
        return Contact("sms", person.phone)
    return None


def is_proven(user: User, contact: Contact) -> bool:
    """Tell whether this contact is the user's own and was proven."""
    if contact.channel == "email":
        return user.email == contact.value and user.email_verified_at is not None
    return user.phone == contact.value and user.phone_verified_at is not None


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
        raise errors.RuleBroken("phone", "This server cannot send text messages.")
    if not identifiers.is_of_country(phone, app.settings.sms_countries):
        raise errors.RuleBroken(
            "phone", "This server sends no text messages to that country."
        )
