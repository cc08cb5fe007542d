"""Removing what has expired, a small batch at a time.

Nothing depends on it: every query asks for the time itself. It keeps the tables
small and personal data no longer than it is of use. Small batches, because
other writers wait for each one.

A batch is a list of keys, each then deleted by itself. One DELETE with the list
as a subquery would do on SQLite; MariaDB reads the whole table for it, locking
as it goes.
"""

from collections.abc import Callable

from authserver.app import App
from authserver.store import (
    audit_log,
    known_addresses,
    limits,
    one_time_codes,
    outbox,
    refresh_tokens,
    registrations,
    sessions,
)
from authserver.store.database import Transaction

BATCH_ROWS = 200
AUDIT_KEPT_S = 365 * 86400  # long enough to look into what a year-end audit finds
MESSAGES_KEPT_S = 7 * 86400  # for an operator who asks what became of a mail
LIMITS_KEPT_S = 2 * 86400  # by then every budget is full and every block forgotten


def run(app: App, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Delete all expired rows; return how many."""
    now = app.now()
    deleted = 0
    for delete in (
        registrations.delete_expired,
        one_time_codes.delete_expired,
        _delete_messages,
        refresh_tokens.delete_expired,  # before the sessions that they point to
        sessions.delete_expired,
        known_addresses.delete_expired,
        limits.delete_full_hourly,
        _delete_limits,
        _delete_audit,
    ):
        batch = BATCH_ROWS
        while batch == BATCH_ROWS and not stopping():
            batch = app.database.transaction(delete, now=now, limit=BATCH_ROWS)
            deleted += batch
    return deleted


def _delete_messages(tx: Transaction, *, now: int, limit: int) -> int:
    return outbox.delete_old(tx, created_before=now - MESSAGES_KEPT_S, limit=limit)


def _delete_limits(tx: Transaction, *, now: int, limit: int) -> int:
    return limits.delete_idle(tx, idle_since=now - LIMITS_KEPT_S, limit=limit)


def _delete_audit(tx: Transaction, *, now: int, limit: int) -> int:
    return audit_log.delete_old(tx, before=now - AUDIT_KEPT_S, limit=limit)
