"""Taking over the users of another system.

    file -> import_rows -> batches of 500 -> one transaction each -> verdicts

Nobody registers again and nobody chooses a new password: each row becomes a
user at once, whose hash is replaced at the first login. Every line has a
verdict of its own, and a bad one stops none of the others.

* A batch is one transaction, so a hundred thousand users are two hundred syncs
  of the disk. A row that meets a taken name or contact loses only itself.
* The same file may be given again, after a crash as well: what is there already
  is refused as such, and the rest goes on.
* `rehearse` gives the same verdicts and writes nothing. It needs no lock of the
  database, so the server may go on serving meanwhile.

What is kept in memory of the rows so far is their names, to say which line of
the file had one first: some hundred bytes a row.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

from authserver.app import App, Caller
from authserver.flows import records
from authserver.flows.import_rows import Refused, Row
from authserver.flows.records import Operation
from authserver.store import users
from authserver.store.database import Transaction, UniqueViolation
from authserver.store.reading import Readable
from authserver.store.users import User

BATCH_ROWS = 500
# An operator at the machine: there is no address and no request.
OPERATOR = Caller(address="", user_agent="server.py users import", request_id="")
NAMED = {"username": "user name", "email": "e-mail address", "phone": "phone number"}


class Taken(NamedTuple):
    """A line that became a user, or in a rehearsal would have."""

    line: int


def run(app: App, rows: Iterator[Row | Refused]) -> Iterator[Taken | Refused]:
    """Yield what became of each row, once that is on disk.

    Raises `errors.Unavailable`; what was yielded before stands.
    """
    operation = records.operation(app, OPERATOR)
    return _in_batches(
        rows, lambda batch: app.database.transaction(_insert, operation, batch)
    )


def rehearse(
    database: Readable, rows: Iterator[Row | Refused]
) -> Iterator[Taken | Refused]:
    """Yield what would become of each row."""
    return _in_batches(rows, lambda batch: database.read(_check, batch))


def _in_batches(
    rows: Iterator[Row | Refused],
    judge: Callable[[list[User]], list[str | None]],
) -> Iterator[Taken | Refused]:
    owners: dict[str, int] = {}  # which line has a name or contact
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        conflicts = iter(judge([row.user for row in batch if isinstance(row, Row)]))
        for row in batch:
            if isinstance(row, Refused):
                yield row
                continue
            mine = {word: getattr(row.user, name) for name, word in NAMED.items()}
            conflict = next(conflicts)
            shared = next((word for word, name in mine.items() if name in owners), None)
            if shared is not None:
                line = owners[mine[shared]]
                yield Refused(row.line, f"Line {line} has the same {shared}.")
            elif conflict is not None:
                yield Refused(row.line, conflict)
            else:
                owners.update((name, row.line) for name in mine.values() if name)
                yield Taken(row.line)


def _insert(
    tx: Transaction, operation: Operation, batch: list[User]
) -> list[str | None]:
    return [_insert_one(tx, operation, user) for user in batch]


def _insert_one(tx: Transaction, operation: Operation, user: User) -> str | None:
    try:
        users.insert(tx, user)
    except UniqueViolation:
        return _conflict(tx, user) or "A name or contact was taken just now."
    records.note(tx, operation, "import", user_id=user.id, identifier=user.username)
    return None


def _check(tx: Transaction, batch: list[User]) -> list[str | None]:
    return [_conflict(tx, user) for user in batch]


def _conflict(tx: Transaction, user: User) -> str | None:
    """Return a sentence on who has the user's name or a contact already."""
    namesake = users.find_by_username(tx, user.username)
    if namesake is not None:
        same = (namesake.email, namesake.phone) == (user.email, user.phone)
        return "This user is here already." if same else "The user name is taken."
    if user.email and users.find_by_email(tx, user.email):
        return "The e-mail address is in use."
    if user.phone and users.find_by_phone(tx, user.phone):
        return "The phone number is in use."
    return None
