"""SQLite, the embedded default: opening its file, and what its driver reports.

WAL with synchronous=FULL: a commit is on disk before its caller hears of it,
and readers never wait for the writer. Only the writer checkpoints. In every
SQLite before 3.51.3 two connections that write or checkpoint at one moment can
corrupt the file; ours never do: there is one writer (`one_writer`), readers are
opened read-only, and `lockfile` keeps other processes of ours away.

An existing file is never replaced. It is checked before use (quick_check reads
every page), and one that is damaged, empty or no database stops the start with
a sentence, as does a file without its last changes: SQLite would take them
from a `-wal` file that belongs to another one.

Errors of the driver become what the rest of the house knows: a broken rule of
the schema is a `ConstraintViolation`, which the function may handle; a failure
of the machine (disk, lock, damage) is `errors.Unavailable` and costs the
connection. What remains is a bug in our SQL and stays as it is.

This is the only file that imports sqlite3.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from authserver import errors
from authserver.store import lockfile, migrations
from authserver.store.database import (
    ConstraintViolation,
    DatabaseError,
    Description,
    Row,
    Transaction,
    UniqueViolation,
    Value,
)
from authserver.store.groups import Locked
from authserver.store.one_writer import OneWriterDatabase
from authserver.store.waiting import BEGIN_WAIT_S

BUSY_TIMEOUT_S = 0.5  # how long SQLite itself waits for a stranger's lock
# The same in milliseconds, for each time that the writer begins.
WAIT, DO_NOT_WAIT = "PRAGMA busy_timeout=500", "PRAGMA busy_timeout=0"

# Result codes that mean "the machine", not "the statement": BUSY, NOMEM,
# READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
MACHINE_FAILURES = frozenset({5, 7, 8, 9, 10, 11, 13, 14, 15, 26})
DAMAGES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
UNIQUE_FAILURES = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)

# What is set on every connection, how it reads back, and what must be read: a
# PRAGMA that is not obeyed says nothing.
COMMON_PRAGMAS = (
    # No functions or virtual tables of a schema that somebody else planted.
    ("PRAGMA trusted_schema=OFF", "PRAGMA trusted_schema", 0),
    # A mapped file turns a disk error into SIGBUS, which kills the process.
    ("PRAGMA mmap_size=0", "PRAGMA mmap_size", 0),
    # Sorting and savepoints never touch a disk that may be full.
    ("PRAGMA temp_store=MEMORY", "PRAGMA temp_store", 2),
)
WRITER_PRAGMAS = (
    *COMMON_PRAGMAS,
    ("PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"),
    # NORMAL, the habit with WAL, loses the last commits when power fails.
    ("PRAGMA synchronous=FULL", "PRAGMA synchronous", 2),
    ("PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", 1),
    # In pages, so 16 MiB. The more gather, the more of them are the same page,
    # which goes into the file once.
    ("PRAGMA wal_autocheckpoint=4000", "PRAGMA wal_autocheckpoint", 4000),
    # What stays of the WAL file after a burst, in bytes (16 MiB).
    ("PRAGMA journal_size_limit=16777216", "PRAGMA journal_size_limit", 16_777_216),
)
READER_PRAGMAS = (
    *COMMON_PRAGMAS,
    ("PRAGMA query_only=ON", "PRAGMA query_only", 1),
    ("PRAGMA wal_autocheckpoint=0", "PRAGMA wal_autocheckpoint", 0),
)

T = TypeVar("T")
log = logging.getLogger(__name__)


def open_file(
    path: str | Path,
    *,
    now: int,
    migrate: bool = True,
    begin_wait_s: float = BEGIN_WAIT_S,
) -> OneWriterDatabase:
    """Open or create the database at `path`; see `database.open_database`."""
    path = Path(path).resolve()  # two names of one file are one lock
    with contextlib.ExitStack() as undo:
        lock = lockfile.acquire(path)
        undo.callback(os.close, lock)
        try:
            _prepare(path)
            writer = SqliteConnection(path, writable=True)
            undo.callback(writer.close)
            _check(path, writer)
            applied = _migrate(writer, now=now, migrate=migrate)
        except (sqlite3.Error, errors.Unavailable, Locked, OSError) as error:
            raise DatabaseError(_complaint(path, error)) from error
        undo.pop_all()
    return OneWriterDatabase(
        lambda writable: SqliteConnection(path, writable=writable),
        writer=writer,
        release=lambda: os.close(lock),
        description=Description("SQLite", sqlite3.sqlite_version, "sqlite3"),
        applied=applied,
        begin_wait_s=begin_wait_s,
    )


def look(path: Path, call: Callable[[Transaction], T]) -> T:
    """Return what `call` reads, unlocked and unwritten, or `DatabaseError`."""
    path = path.resolve()
    _refuse_remains(path)
    alone = not Path(f"{path}-wal").exists()  # then SQLite would make one
    try:
        reader = SqliteConnection(path, writable=False, immutable=alone)
        with contextlib.closing(reader):
            reader.begin_snapshot()
            return call(reader)
    except (sqlite3.Error, errors.Unavailable) as error:
        raise DatabaseError(_complaint(path, error)) from error


class SqliteConnection:
    """A `groups.Connection`; also the `tx` that functions get."""

    def __init__(self, path: Path, *, writable: bool, immutable: bool = False) -> None:
        # Neither mode makes a file that is missing.
        mode, pragmas = ("rw", WRITER_PRAGMAS) if writable else ("ro", READER_PRAGMAS)
        self.failure: errors.Unavailable | None = None
        try:
            self._connection = sqlite3.connect(
                f"{path.as_uri()}?mode={mode}&immutable={immutable:d}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,  # BEGIN and COMMIT are ours alone
                check_same_thread=False,  # one at a time, but not always the same
            )
        except sqlite3.Error as error:
            self._fail(error)
        try:
            for change, read_back, expected in pragmas:
                self.execute(change)
                if self.one(read_back) not in (None, (expected,)):  # None: not built in
                    raise errors.Unavailable(f"{change} has no effect here")
        except BaseException:
            self.close()
            raise

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run a statement and return how many rows it matched."""
        try:
            return self._connection.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            self._fail(error)

    def one(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row, or None when there is none."""
        try:
            cursor = self._connection.execute(sql, parameters)
            row: Row | None = cursor.fetchone()
        except sqlite3.Error as error:
            self._fail(error)
        cursor.close()  # an unfinished SELECT would hold on to its snapshot
        return row

    def all(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return every row."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._fail(error)

    def begin(self, *, wait: bool = True) -> None:
        """Take the write lock."""
        try:
            self._connection.execute(WAIT if wait else DO_NOT_WAIT)
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_BUSY:
                raise Locked from error
            self._fail(error)

    def commit(self) -> None:
        """Return when everything since `begin` is on disk."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        self.execute("ROLLBACK")

    def run_in_savepoint(self, call: Callable[[Transaction], T]) -> T:
        """Return what `call` does; undo its writes if it raises."""
        self.execute("SAVEPOINT caller")
        try:
            result = call(self)
        except BaseException:
            if self.failure is None:  # else the transaction may be gone already
                self.execute("ROLLBACK TO caller")
                self.execute("RELEASE caller")
            raise
        self.execute("RELEASE caller")
        return result

    def version(self) -> int:
        """Return a number that changes when another connection commits."""
        ((version,),) = self.all("PRAGMA data_version")
        return int(version)

    def begin_snapshot(self) -> None:
        """Let all that is read until `end_snapshot` be of one moment."""
        self.execute("BEGIN")

    def end_snapshot(self) -> None:
        """End what `begin_snapshot` began, unless the connection failed."""
        if self.failure is None:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Roll back what is open and let go of the file."""
        self._connection.close()

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        """Raise what the rest of the house knows instead of `error`."""
        if isinstance(error, sqlite3.IntegrityError):
            unique = _code(error) in UNIQUE_FAILURES
            kind = UniqueViolation if unique else ConstraintViolation
            raise kind(str(error)) from error
        if _code(error) & 0xFF in MACHINE_FAILURES:
            log.error("the database failed: %s", error)
            self.failure = errors.Unavailable(f"database: {error}")
            raise self.failure from error
        raise error


def _refuse_remains(path: Path) -> None:
    if path.exists():
        if path.is_file() and path.stat().st_size == 0:
            raise DatabaseError(
                f"{path} is empty, and authserver never leaves an empty file: restore "
                f"it, or move it away to begin anew."
            )
    elif Path(f"{path}-wal").exists():
        raise DatabaseError(
            f"{path} is missing but its last changes are still in {path}-wal: put "
            f"the file back, or move that one away to begin anew."
        )


def _prepare(path: Path) -> None:
    """Make a database that is missing; it appears whole or not at all."""
    _refuse_remains(path)
    if path.exists():
        # SQLite would open it for reading only, and each write would fail.
        if not os.access(path, os.R_OK | os.W_OK):
            raise DatabaseError(f"{path} cannot be read and written by this user.")
        return
    fresh = Path(f"{path}.new")
    fresh.unlink(missing_ok=True)  # left by a start that was killed here
    # Made by us: SQLite would let everybody read it, and so its -wal and -shm.
    with open(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "rb") as file:
        with contextlib.closing(sqlite3.connect(fresh)) as connection:
            connection.execute("PRAGMA synchronous=OFF")  # we sync, once
            connection.execute("PRAGMA journal_mode=WAL")  # writes the first page
        os.fsync(file.fileno())
    fresh.rename(path)


def _check(path: Path, writer: SqliteConnection) -> None:
    """Read every page once; raise when one contradicts another."""
    verdict = writer.one("PRAGMA quick_check(1)")
    if verdict != ("ok",):
        raise DatabaseError(_damage(path, str(verdict and verdict[0]).split("\n")[-1]))


def _migrate(writer: SqliteConnection, *, now: int, migrate: bool) -> tuple[str, ...]:
    """Bring the schema up to date in one transaction, all of it or nothing."""
    known = migrations.load("sqlite")
    writer.begin()
    migrations.prepare(writer, known)
    pending = migrations.pending(writer, known, migrate=migrate)
    for migration in pending:
        migrations.apply(writer, migration, now=now)
    writer.commit()
    return tuple(migration.name for migration in pending)


def _complaint(path: Path, error: Exception) -> str:
    cause = error.__cause__ or error
    if _code(cause) & 0xFF in DAMAGES:
        return _damage(path, cause)
    if isinstance(error, Locked):
        return f"{path} cannot be used: another program has locked it."
    return f"{path} cannot be used: {error}."


def _damage(path: Path, what: object) -> str:
    return (
        f"{path} is damaged, or no SQLite database ({what}). It was left as it is: "
        f"restore a backup, or move it away to begin anew."
    )


def _code(error: BaseException) -> int:
    """Return SQLite's extended result code, 0 for an error not from SQLite."""
    return getattr(error, "sqlite_errorcode", 0)
