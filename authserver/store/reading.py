"""Reading the database beside a running server.

An operator's question must not need the server's lock, nor stop it. MySQL is
made for that. An SQLite file in WAL mode is as well: a reader sees the last
commit from before it began, and neither it nor the writer waits for the other.
The connection is opened for reading only, so it can neither write nor fold the
WAL into the file, which is the writer's business. It is opened anew for each
function and closed after it: as long as somebody reads, the WAL can only grow.

`look` is for who knows what may be missing, as `doctor` does. For the others,
`open_for_reading` refuses a schema that is older or newer than this program.
"""

from collections.abc import Callable
from typing import Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from authserver.store import inspection
from authserver.store.database import DatabaseError, Transaction, file_of, is_mysql

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


def look(
    url: str,
    function: Callable[Concatenate[Transaction, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Return what `function(tx, ...)` reads; raises `DatabaseError`."""
    if is_mysql(url):
        from authserver.store import mysql  # the driver costs 13 MiB

        return mysql.look(url, lambda tx: function(tx, *args, **kwargs))
    from authserver.store import sqlite  # not loaded where MySQL stores

    return sqlite.look(file_of(url), lambda tx: function(tx, *args, **kwargs))


def open_for_reading(url: str) -> Readable:
    """Return what reads the database that DATABASE_URL names.

    Raises `DatabaseError`, also from `read`.
    """
    mysql = is_mysql(url)
    if not mysql and not file_of(url).exists():
        raise DatabaseError(f"There is no database at {file_of(url)} yet.")
    missing = look(url, inspection.list_pending, "mysql" if mysql else "sqlite")
    if missing:
        raise DatabaseError(
            f"The database lacks the schema change {missing[0]}; run "
            f"`python server.py migrate` first."
        )
    return _Looking(url)


class _Looking(NamedTuple):
    url: str

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return look(self.url, function, *args, **kwargs)
