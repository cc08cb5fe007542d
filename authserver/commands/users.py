"""Bringing in the users of another system.

    python server.py users import people.jsonl --dry-run
    python server.py users import people.jsonl

`flows.import_rows` says what a line of the file holds. Refused lines are told
on standard error, by number and reason, the totals on standard output. The exit
status is 0 if every line was taken, 1 if some were refused.
"""

import contextlib
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import BinaryIO

from authserver import errors, runtime
from authserver.commands import operating
from authserver.flows import import_rows, import_users
from authserver.flows.import_rows import Refused, Terms
from authserver.flows.import_users import Taken
from authserver.settings import NAME, Settings
from authserver.store.reading import open_for_reading

HELP = "import users from another system"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the one thing that is done with users."""
    actions = parser.add_subparsers(required=True, metavar="import")
    command = actions.add_parser(
        "import",
        help="from JSON lines with username, email, phone and password_hash",
        description="Import users with the password hashes that they have: bcrypt, "
        "Argon2, scrypt, Django's and Werkzeug's forms. The server must be stopped "
        "where it stores in SQLite, except for a dry run.",
    )
    command.add_argument("file", help="one JSON object per line; - is standard input")
    command.add_argument(
        "--dry-run", action="store_true", help="check every line, write nothing"
    )


def run(options: Namespace) -> int:
    """Import a file; tell what was refused, and count."""
    with operating() as settings:
        try:
            file = _open(options.file)
        except OSError as error:
            print(f"{NAME}: {options.file}: {error.strerror}.", file=sys.stderr)
            return 2
        with file, _outcomes(settings, file, dry_run=options.dry_run) as outcomes:
            return _tell(
                outcomes, "could be imported" if options.dry_run else "imported"
            )


@contextlib.contextmanager
def _outcomes(
    settings: Settings, file: BinaryIO, *, dry_run: bool
) -> Iterator[Iterator[Taken | Refused]]:
    now = runtime.wall_clock()
    terms = Terms(settings.phone_country_code, now)
    rows = import_rows.read(file, terms)
    if dry_run:
        yield import_users.rehearse(open_for_reading(settings.database_url), rows)
        return
    app = runtime.create_app(settings)
    try:
        yield import_users.run(app, rows)
    finally:
        runtime.close(app)


def _tell(outcomes: Iterator[Taken | Refused], done: str) -> int:
    taken = refused = 0
    try:
        for outcome in outcomes:
            if isinstance(outcome, Refused):
                refused += 1
                print(f"line {outcome.line}: {outcome.reason}", file=sys.stderr)
            else:
                taken += 1
    except errors.Unavailable as error:
        print(
            f"{NAME}: stopped, because the database cannot be used ({error}); what is "
            f"counted here stands, and the same file may be given again.",
            file=sys.stderr,
        )
        status = 2
    else:
        status = 1 if refused else 0
    print(f"{taken} {done}, {refused} refused")
    return status


def _open(name: str) -> BinaryIO:
    return sys.stdin.buffer if name == "-" else open(name, "rb")
