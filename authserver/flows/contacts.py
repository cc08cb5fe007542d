"""Changing or adding a contact: ask with the password, prove with a code.

The code goes to the new contact and is entered inside the same user's session
(`verify`); only then does the new contact replace the old one, whose owner is
told. A contact that is in use gets the same answer and a different mail.
"""

from authserver import identifiers
from authserver.app import App, Caller
from authserver.flows import budgets, challenges, lookup, reauthenticate, records
from authserver.flows.authenticate import Authenticated
from authserver.flows.challenges import Challenge
from authserver.flows.lookup import Contact
from authserver.flows.records import Operation
from authserver.store.database import Transaction


def change(
    app: App, caller: Caller, who: Authenticated, contact: Contact, password: str
) -> None:
    """Send a code to the new contact.

    Raises `RuleBroken`, `InvalidCredentials`, `TooManyRequests`.
    """
    if contact.channel == "sms":
        lookup.check_number(app, contact.value)
    budgets.admit_send(app, caller, contact.value)
    operation = reauthenticate.check_password(
        app, caller, who, password, event="change_contact"
    )
    reachable = budgets.may_send(app, contact.value)
    app.database.transaction(_ask, app, operation, who, contact, reachable=reachable)
    app.delivery_due.set()


def read(app: App, *, email: str | None, phone: str | None) -> Contact:
    """Return the contact given, in canonical form; raise `RuleBroken`."""
    if email is not None:
        return Contact("email", identifiers.email(email))
    number = identifiers.phone(phone or "", app.settings.phone_country_code)
    return Contact("sms", number)


def _ask(
    tx: Transaction,
    app: App,
    operation: Operation,
    who: Authenticated,
    contact: Contact,
    *,
    reachable: bool,
) -> None:
    challenge = Challenge("verify", who.user.id, contact)
    kind = "contact_code" if reachable else None
    challenges.ask_for_proof(tx, app, operation, challenge, who.user.username, kind)
    records.note(
        tx,
        operation,
        "ask_contact_change",
        user_id=who.user.id,
        identifier=contact.value,
    )
