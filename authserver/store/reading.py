"""Reading the database beside a running server.

An operator's question must not need the server's lock, nor stop it. MySQL is
made for that. An SQLite file in WAL mode is as well: a reader sees the last
commit from before it began, and neither it nor the writer waits for the other.
The connection is opened for reading only, so it can neither write nor fold the
WAL into the file, which is the writer's business. It is opened anew for each
function and closed after it: as long as somebody reads, the WAL can only grow.

A schema that is older or newer than this program is refused, not guessed at.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from authserver.store import inspection
from authserver.store.database import (
    DatabaseError,
    Transaction,
    file_of,
    is_mysql,
    open_database,
)

T = TypeVar("T")
P = ParamSpec("P")


class Readable(Protocol):
    """What reads; every `Database` does."""

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `function(tx, ...)` read from one consistent snapshot."""
        ...


@contextlib.contextmanager
def open_for_reading(url: str, *, now: int) -> Iterator[Readable]:
    """Yield what reads the database that DATABASE_URL names.

    Raises `DatabaseError`, also from `read` where SQLite is read.
    """
    if is_mysql(url):
        with contextlib.closing(open_database(url, now=now, migrate=False)) as server:
            yield server
        return
    path = file_of(url)
    if not path.exists():
        raise DatabaseError(f"There is no database at {path} yet.")
    file = _File(path)
    missing = file.read(inspection.list_pending, "sqlite")
    if missing:
        raise DatabaseError(
            f"The database lacks the schema change {missing[0]}; run "
            f"`python server.py migrate` first."
        )
    yield file


class _File(NamedTuple):
    path: Path

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        from authserver.store import sqlite  # not loaded where MySQL stores

        return sqlite.look(self.path, lambda tx: function(tx, *args, **kwargs))
