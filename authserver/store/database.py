"""What flows and stores know of a database: transactions are functions.

    def _rename(tx, user_id, name):
        return users.update_name(tx, user_id, name)

    renamed = app.database.transaction(_rename, user_id, name)

A function, not a `with` block, because somebody else must be able to run it:
again and whole, when the database chose it as the victim of a deadlock or lost
a node; or together with others, when one synced commit serves all who wait. So
it has no side effect but `tx`: no mail, no hashing, no network, no counter in
memory. (`app.order`, which keeps the rows of one second in order, is a counter;
a number that it skips means nothing.) It is short, because others wait for it.

Decide inside, refuse outside. An exception inside undoes everything that the
function wrote, also the failed attempt it counted or the session it revoked.
Such a function returns its verdict, and the flow raises the refusal.

When `transaction` returns, the writes are on disk, once, however often the
function ran. When it raises `Unavailable` they usually are not, but a commit
whose answer never came may still stand: every flow's write is safe to ask for
again. `read` sees one moment of the database, whatever is written meanwhile.

SQL is a literal with `?` placeholders; rows are tuples in the order of the
explicit column list. Times are whole epoch seconds.
"""

import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from authserver.store.outages import Outage
from authserver.store.tally import Tally

Value = str | bytes | int | float | None
Row = tuple[Any, ...]
MAX_SHOWN_CHARS = 80  # of a name that is at fault

T = TypeVar("T")
P = ParamSpec("P")


class DatabaseError(Exception):
    """The database cannot be opened: one sentence for the operator."""


class ConstraintViolation(Exception):
    """A statement broke a rule of the schema; only that statement is undone."""


class UniqueViolation(ConstraintViolation):
    """A row with this key exists already."""


class Transaction(Protocol):
    """What a function gets first: the statements of one transaction."""

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run a statement and return how many rows it matched.

        Raises `ConstraintViolation`.
        """
        ...

    def one(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row, or None when there is none."""
        ...

    def all(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return every row."""
        ...


class Description(NamedTuple):
    """What an open database is, for an operator who asks."""

    product: str  # SQLite, MariaDB or MySQL
    version: str  # the server's
    driver: str  # its name, version and kind
    encrypted: bool = False  # the connections to the server


class Database(Protocol):
    """An open database. All its methods may be called from any thread.

    A transaction inside a function of another one, or inside a read, is a
    `RuntimeError`: it would wait for itself.
    """

    reads_wait: bool  # True: they go over a network
    applied: tuple[str, ...]  # names of the migrations that opening it applied
    description: Description
    tally: Tally

    @property
    def waiting(self) -> int:
        """How many transactions wait for their turn."""
        ...

    @property
    def outage(self) -> Outage | None:
        """When it was away the last time; None: never, or nobody looks."""
        ...

    def transaction(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `function(tx, ...)` decided, once that is on disk.

        What the function raises undoes its writes and is raised here. Raises
        `errors.Unavailable` when the database does not come to it within 2 s.
        """
        ...

    def begin(
        self,
        function: Callable[..., object],
        /,
        *args: object,
        done: Callable[[object, BaseException | None], None],
    ) -> None:
        """Have `function(tx, *args)` run, and go on.

        For a thread that calls `end_round`: there, and nowhere else, `done` is
        called with what it returned, committed, or with what it raised. (Or at
        once, from here, if the database takes nothing in.) It must not wait.
        Whoever begins also calls `give_up_old` now and then. For any other
        thread: waits, and calls `done` from here.
        """
        ...

    def give_up_old(self) -> None:
        """Have `done` called with `Unavailable` where patience has an end."""
        ...

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `function(tx, ...)` read from one consistent snapshot.

        Raises `errors.Unavailable`.
        """
        ...

    def read_once(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `function(tx, ...)` read with its only statement.

        Cheaper than `read`: one statement sees a single moment anyway. Raises
        `errors.Unavailable`.
        """
        ...

    def end_round(self, wake: Callable[[], None] = ...) -> None:
        """End a round of this thread: from here on it reads what is true now.

        What it began is run now, with one commit for all of it, and the `done`
        of what has been committed are called; `wake` is called, by any thread,
        when there are more of them. A thread that calls this again and again,
        and between two calls gives nothing of what it read out of hand, may
        then be given what it has read before, as long as that is still true.
        """
        ...

    def later(
        self,
        function: Callable[Concatenate[Transaction, P], object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run a transaction that nobody waits for; a failure is logged."""
        ...

    def close(self) -> None:
        """Finish what waits and let go of the files. May be called again.

        Nobody works in rounds any more: the thread that did so has ended.
        """
        ...


def open_database(url: str, *, now: int, migrate: bool = True) -> Database:
    """Open what DATABASE_URL names and bring its schema up to date.

    `sqlite:///file.db` is relative to the current folder, `sqlite:////file.db`
    absolute; `mysql://user:password@host/name` is explained in `mysql_url`.
    `now` is recorded with each migration; with `migrate` false a schema that
    lacks one is refused. Raises `DatabaseError`.
    """
    if is_mysql(url):
        from authserver.store import mysql  # the driver costs 13 MiB

        return mysql.open_url(url, now=now, migrate=migrate)
    from authserver.store import sqlite  # not loaded where MySQL stores

    return sqlite.open_file(file_of(url), now=now, migrate=migrate)


def is_mysql(url: str) -> bool:
    """Tell whether DATABASE_URL means a MySQL or MariaDB server."""
    return url.startswith("mysql:")


def file_of(url: str) -> Path:
    """Return the file that DATABASE_URL names; raises `DatabaseError`."""
    scheme, found, path = url.partition(":///")
    if scheme != "sqlite" or not found:
        # The value itself is not repeated: it may hold a password.
        raise DatabaseError(
            "DATABASE_URL must be sqlite:///file.db, or sqlite:////folder/file.db "
            "for an absolute path, or mysql://user:password@host/name."
        )
    if not path or path.startswith(":memory:") or "?" in path:
        raise DatabaseError(
            "DATABASE_URL must name a file after sqlite:/// and nothing else; "
            "a database in memory would forget everybody."
        )
    file = Path(path)
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return file  # to be made, or its folder is told
    except (OSError, ValueError) as error:  # the latter: a NUL in the name
        shown = path if len(path) <= MAX_SHOWN_CHARS else f"{path[:MAX_SHOWN_CHARS]}..."
        reason = getattr(error, "strerror", None) or error
        raise DatabaseError(
            f"DATABASE_URL names {shown}, which cannot be a database: {reason}."
        ) from error
    if stat.S_ISDIR(mode):
        raise DatabaseError(f"DATABASE_URL names {path}, which is a folder.")
    return file
