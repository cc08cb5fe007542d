"""What every flow writes down: an audit entry, a message in the outbox.

Both are rows in the flow's own transaction. So an entry is there exactly if its
event happened, and a message leaves exactly if its reason was committed.
"""

from collections.abc import Callable
from typing import NamedTuple

from authserver import identifiers, tokens
from authserver.app import App, Caller
from authserver.flows.lookup import Contact
from authserver.store import audit_log, outbox
from authserver.store.database import Transaction
from authserver.store.one_time_codes import OneTimeCode

NOTICE_TTL_S = 86400  # "your password was changed" is worth sending for a day


class Operation(NamedTuple):
    """One attempt of one caller; made before its transaction."""

    id: str  # what `spent_by` holds
    caller: Caller
    now: int
    order: Callable[[], int]  # so that rows of one second tell which came first


def operation(app: App, caller: Caller) -> Operation:
    """Return a fresh operation."""
    return Operation(tokens.operation_id(), caller, app.now(), app.order)


def note(
    tx: Transaction,
    operation: Operation,
    event: str,
    outcome: str = "ok",
    *,
    user_id: str | None = None,
    identifier: str | None = None,
) -> None:
    """Write an audit entry.

    A user name that nobody has is left out: people type passwords there.
    """
    if user_id is None and identifier and identifiers.is_username(identifier):
        identifier = None
    audit_log.insert(
        tx,
        audit_log.Entry(
            id=tokens.new_id(operation.now, order=operation.order()),
            at=operation.now,
            event=event,
            outcome=outcome,
            user_id=user_id,
            identifier=identifier,
            address=operation.caller.address,
            user_agent=operation.caller.user_agent,
            request_id=operation.caller.request_id,
        ),
    )


def send_code(
    tx: Transaction, operation: Operation, code: OneTimeCode, kind: str, username: str
) -> None:
    """Queue the message that carries `code` to its contact."""
    _queue(
        tx,
        operation,
        kind,
        Contact(code.channel, code.contact),
        username,
        code_id=code.id,
        expires_at=code.expires_at,
    )


def send_notice(
    tx: Transaction, operation: Operation, kind: str, contact: Contact, username: str
) -> None:
    """Queue a message that carries no code."""
    expires_at = operation.now + NOTICE_TTL_S
    _queue(tx, operation, kind, contact, username, code_id=None, expires_at=expires_at)


def _queue(  # noqa: PLR0913 - one row, all of whose columns differ
    tx: Transaction,
    operation: Operation,
    kind: str,
    contact: Contact,
    username: str,
    *,
    code_id: str | None,
    expires_at: int,
) -> None:
    outbox.insert(
        tx,
        outbox.Message(
            id=tokens.new_id(operation.now, order=operation.order()),
            kind=kind,
            channel=contact.channel,
            recipient=contact.value,
            username=username,
            code_id=code_id,
            created_at=operation.now,
            expires_at=expires_at,
            due_at=operation.now,
            language=operation.caller.language,
        ),
    )
