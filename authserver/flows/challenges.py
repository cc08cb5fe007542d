"""One-time codes at work: issuing one, guessing it, spending it.

    issue  --->  row + outbox message      asked again: the same row, sent again
    guess  --->  one attempt per row, then the comparison
    spend  --->  one conditional UPDATE: of many who are right, one wins

A code belongs to a subject (a user or a registration), a purpose and a contact,
and opens nothing else. All functions here run inside a flow's transaction.

A contact that is in use gets a row like any other when somebody else asks for
it, only with no attempts in it: the same statements run, and no guess can ever
match. Its owner is told, and nobody else.
"""

from collections.abc import Callable
from typing import NamedTuple

from authserver import codes, tokens
from authserver.app import App
from authserver.flows import budgets, lookup, records
from authserver.flows.lookup import Contact, Request, Subject
from authserver.flows.records import Operation
from authserver.identifiers import Identifier
from authserver.store import one_time_codes
from authserver.store.database import Transaction
from authserver.store.one_time_codes import OneTimeCode

GRANT_TTL_S = 600  # from the validated reset code to the new password


class Challenge(NamedTuple):
    """For whom and what a code is made, and to which contact it goes."""

    purpose: str  # verify, login, reset, grant
    subject_id: str
    contact: Contact


def issue(
    tx: Transaction,
    app: App,
    operation: Operation,
    challenge: Challenge,
    *,
    provable: bool = True,
) -> OneTimeCode:
    """Return the live code of a challenge, made new if there is none.

    A code past half its life is replaced, so that nobody is sent one that
    expires while they look for it. One that has no attempts left is replaced
    too; the account's own budget of guesses bounds what that gives a guesser.
    """
    ttl_s = GRANT_TTL_S if challenge.purpose == "grant" else app.settings.otp_ttl_s
    fresh = OneTimeCode(
        id=tokens.operation_id(),
        purpose=challenge.purpose,
        subject_id=challenge.subject_id,
        contact=challenge.contact.value,
        channel=challenge.contact.channel,
        kid=app.keyring.current,
        created_at=operation.now,
        expires_at=operation.now + ttl_s,
        attempts_left=app.settings.otp_max_attempts if provable else 0,
    )
    if one_time_codes.update_stale(tx, fresh, expiring_by=operation.now + ttl_s // 2):
        return fresh
    live = find(tx, challenge)
    if live is None:
        one_time_codes.insert(tx, fresh)
    return live or fresh


def ask_for_proof(
    tx: Transaction,
    app: App,
    operation: Operation,
    challenge: Challenge,
    username: str,
    kind: str | None,
) -> None:
    """Issue the code that proves a contact, and send it there.

    The owner of a contact in use gets a notice instead. `kind` names the
    message with the code; None sends nothing.
    """
    contact = challenge.contact
    holder = lookup.find_holder(tx, contact)
    if holder is not None and (
        holder.id == challenge.subject_id or not lookup.is_proven(holder, contact)
    ):
        holder = None
    code = issue(tx, app, operation, challenge, provable=holder is None)
    if kind is None:
        return
    if holder is not None:
        records.send_notice(tx, operation, "account_exists", contact, holder.username)
    else:
        records.send_code(tx, operation, code, kind, username)


def find(tx: Transaction, challenge: Challenge) -> OneTimeCode | None:
    """Return the row of a challenge, live or not."""
    return one_time_codes.find_by_subject(
        tx,
        challenge.subject_id,
        purpose=challenge.purpose,
        contact=challenge.contact.value,
    )


def pending_change(tx: Transaction, request: Request) -> OneTimeCode | None:
    """Return the code of the contact that the caller's own user is adding."""
    if request.session is None or request.identifier.kind == "username":
        return None
    return one_time_codes.find_by_subject(
        tx,
        request.session.user.id,
        purpose="verify",
        contact=request.identifier.value,
    )


def admit(
    app: App, operation: Operation, request: Request, may: Callable[[App, str], bool]
) -> frozenset[Contact]:
    """Charge the contacts of the registrations that are meant, once each.

    `may` is `budgets.may_guess` or `may_send`; returns the contacts that it
    allows. Counted per contact, so that registering under ever new user names
    is no way round. Before the transaction, which may run twice. Where nobody
    is meant, somebody made up pays: it takes as long.
    """
    subject = app.database.read(
        lookup.resolve, request, operation.caller, now=operation.now
    )
    contacts = {
        lookup.contact_of(each, request.identifier) for each in subject.registrations
    } - {None}
    if not contacts:
        may(app, budgets.nobody(request.identifier.value))
    return frozenset(each for each in contacts if each and may(app, each.value))


def outstanding(
    tx: Transaction,
    subject: Subject,
    identifier: Identifier,
    admitted: frozenset[Contact],
    *,
    purpose: str,
) -> list[OneTimeCode]:
    """Return the codes that a guess may be: each costs one attempt.

    A user's for `purpose`, or the verify codes of the registrations.
    """
    wanted = []
    for registration in subject.registrations:
        contact = lookup.contact_of(registration, identifier)
        if contact is not None and contact in admitted:
            wanted.append(Challenge("verify", registration.id, contact))
    contact = lookup.contact_of(subject.user, identifier) if subject.user else None
    if subject.user is not None and contact is not None:
        wanted.append(Challenge(purpose, subject.user.id, contact))
    found = [find(tx, challenge) for challenge in wanted]
    return [code for code in found if code is not None]


def guess(
    tx: Transaction, app: App, candidates: list[OneTimeCode], otp: str, *, now: int
) -> OneTimeCode | None:
    """Charge each candidate an attempt; return the one whose digits are `otp`.

    That one gets its attempt back: what follows may refuse, with the code still
    unspent. Never raises for a wrong guess: the attempt must be committed.
    """
    right = None
    for code in candidates:
        # Attempt first, comparison second: parallel guesses all pay.
        if one_time_codes.claim(tx, code.id, now=now) and matches(app, code, otp):
            one_time_codes.update_unclaimed(tx, code.id)
            right = right or code
    return right


def matches(app: App, code: OneTimeCode, otp: str) -> bool:
    """Tell whether these are the digits of a row; costs no attempt."""
    key = app.keyring.derive(codes.CODE_KEY, code.kid)
    return key is not None and codes.otp_matches(otp, key, code.purpose, code.id)


def find_by_link(
    tx: Transaction, app: App, token: str, *, purposes: tuple[str, ...], now: int
) -> OneTimeCode | None:
    """Return the live row that a link or grant proves, still unspent."""
    code_id = codes.link_token_id(token)
    code = one_time_codes.find_by_id(tx, code_id) if code_id else None
    if code is None or code.purpose not in purposes or not code.live(now=now):
        return None
    key = app.keyring.derive(codes.LINK_KEY, code.kid)
    if key is None or not codes.link_token_matches(token, key, code.purpose, code.id):
        return None
    return code


def grant_token(app: App, grant: OneTimeCode) -> str | None:
    """Return the token that stands for a grant's row."""
    key = app.keyring.derive(codes.LINK_KEY, grant.kid)
    return codes.link_token(key, grant.purpose, grant.id) if key else None


def spend(tx: Transaction, code: OneTimeCode, operation: Operation) -> bool:
    """Use a proven code up; True for exactly one caller."""
    return one_time_codes.spend(tx, code, now=operation.now, operation_id=operation.id)
