"""Printing the audit log: who did what, when, from where, how it ended.

    2026-01-31T09:30:00Z  login  ok  alice  192.0.2.7  1f0c...  Mozilla/5.0 ...

One line per entry, oldest first, as in any log; `--limit` means the latest.
The server may run meanwhile. The log is read in pages, so a year of it takes no
more memory than a day.

User agents are what strangers sent: control characters are escaped, so that
none repaints the terminal or forges a line.
"""

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from typing import NamedTuple

from authserver import errors, identifiers, logs, moments, runtime
from authserver.commands import operating
from authserver.flows import lookup
from authserver.settings import NAME, Settings
from authserver.store import audit_log
from authserver.store.audit_log import Entry, Position, Wanted
from authserver.store.database import Transaction
from authserver.store.reading import Readable, open_for_reading

HELP = "print the audit log, also while the server runs"
PAGE_ENTRIES = 5000  # a few MiB; within one second, each page sorts anew
FOREVER = 1 << 62  # epoch seconds: no entry is later
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Query(NamedTuple):
    """What is to be printed."""

    user_id: str | None
    since: int
    wanted: Wanted
    limit: int | None


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the filters."""
    parser.add_argument(
        "--user", help="user name, e-mail address, phone number, or id (also a former)"
    )
    parser.add_argument("--event", help="such as login, verify, reset, import")
    parser.add_argument(
        "--since",
        type=_moment,
        default=0,
        metavar="T",
        help="2026-01-31, 2026-01-31T09:30 (UTC), or 90s 15m 2h 7d 4w ago",
    )
    parser.add_argument(
        "--until", type=_moment, default=FOREVER, metavar="T", help="likewise"
    )
    parser.add_argument(
        "--limit", type=_count, metavar="N", help="the latest N of those that match"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines")


def run(options: Namespace) -> int:
    """Print what was asked for."""
    with operating() as settings:
        database = open_for_reading(settings.database_url)
        user_id = None
        if options.user is not None:
            user_id = _user_id(database, settings, options.user)
            if user_id is None:
                print(f"{NAME}: --user names nobody.", file=sys.stderr)
                return 2
        wanted = Wanted(options.until, options.event)
        query = Query(user_id, options.since, wanted, options.limit)
        form = _json if options.json else _text
        found = False
        for entry in _entries(database, query):
            found = True
            print(form(entry))
        if not found:
            print(f"{NAME}: no entries.", file=sys.stderr)
    return 0


def _entries(database: Readable, query: Query) -> Iterator[Entry]:
    position = database.read(_start, query)
    full = True
    while full:  # a short page is the end: what comes meanwhile is not chased
        page = database.read(_page, query, position)
        yield from page
        full = len(page) == PAGE_ENTRIES
        if full:
            position = Position(page[-1].at, page[-1].id)


def _start(tx: Transaction, query: Query) -> Position:
    found = None
    if query.limit is not None and query.user_id is None:
        found = audit_log.find_before_latest(
            tx, query.since, query.wanted, count=query.limit
        )
    elif query.limit is not None and query.user_id is not None:
        found = audit_log.find_before_latest_by_user(
            tx, query.user_id, query.since, query.wanted, count=query.limit
        )
    return found or Position(query.since)


def _page(tx: Transaction, query: Query, position: Position) -> list[Entry]:
    if query.user_id is None:
        return audit_log.list_after(tx, position, query.wanted, limit=PAGE_ENTRIES)
    return audit_log.list_by_user_after(
        tx, query.user_id, position, query.wanted, limit=PAGE_ENTRIES
    )


def _user_id(database: Readable, settings: Settings, text: str) -> str | None:
    if ID.fullmatch(text.lower()):
        return text.lower()  # of a user who may be gone
    try:
        country_code = settings.phone_country_code
        identifier = identifiers.parse(text, country_code=country_code)
    except errors.RuleBroken:
        return None
    user = database.read(lookup.find_user, identifier)
    return user.id if user else None


def _text(entry: Entry) -> str:
    who = entry.identifier or entry.user_id or "-"
    columns = (
        f"{moments.text(entry.at)}  {entry.event:<15} {entry.outcome:<20} {who:<28} "
        f"{entry.address or '-':<15} {entry.request_id or '-':<16} {entry.user_agent}"
    )
    return logs.printable(columns.rstrip())


def _json(entry: Entry) -> str:
    return json.dumps(entry._asdict() | {"at": moments.text(entry.at)})


def _moment(text: str) -> int:
    try:
        return moments.parse(text, now=runtime.wall_clock())
    except ValueError:
        raise ArgumentTypeError(
            "a time is 2026-01-31, 2026-01-31T09:30, or 2h or 7d ago"
        ) from None


def _count(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ArgumentTypeError("a number from 1 up")
    return int(text)
