"""MySQL and MariaDB, to grow into: connecting, and what the driver reports.

Every connection is told how to behave, because a server's own defaults differ:

    strict mode          a value that does not fit is refused, never cut
    ANSI_QUOTES, PIPES   "names" and || mean what they mean in SQLite
    FOUND_ROWS           an UPDATE counts the rows it matched, as SQLite does
    no multi-statements  an injection could not append a second statement
    no LOCAL INFILE      a forged server could ask for our files
    READ COMMITTED       for writers: no gap locks, and the next SELECT sees
                         what a conditional UPDATE found
    REPEATABLE READ      for readers: one snapshot
    no limits of SELECT, no chained transactions: whatever its defaults are
    lock waits of 1 s    shorter than the deadline of the whole transaction
    wsrep_sync_wait, group_replication_consistency
                         on a cluster: what was written on one node is read on
                         another

Ids and identifiers are VARBINARY, which compares byte for byte; the driver
gives bytes for them and the house knows only text, so they are decoded here.

This is the only file that imports mysql.connector.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, TypeVar, cast

from authserver import errors
from authserver.store import mysql_errors, mysql_start, mysql_url
from authserver.store.database import (
    ConstraintViolation,
    DatabaseError,
    Row,
    UniqueViolation,
    Value,
)
from authserver.store.hosts import Hosts, Useless
from authserver.store.many_writers import POOL_SIZE, ManyWritersDatabase
from authserver.store.mysql_url import Node, Target
from authserver.store.tries import Failure

try:
    import mysql.connector as driver
    from mysql.connector.abstracts import MySQLConnectionAbstract
    from mysql.connector.constants import ClientFlag
except ImportError as missing:
    raise DatabaseError(
        "DATABASE_URL names MySQL, which needs the package mysql-connector-python: "
        "pip install mysql-connector-python."
    ) from missing

CONNECT_TIMEOUT_S = 1  # the driver knows whole seconds only
ANSWER_TIMEOUT_S = 2
START_PATIENCE_S = 10
MIGRATION_TIMEOUT_S = 600  # an ALTER of a large table takes its time

SESSION = """
    SET SESSION
        sql_mode = CONCAT('ANSI_QUOTES,PIPES_AS_CONCAT,',
                          'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'),
        time_zone = '+00:00',
        foreign_key_checks = 1,
        sql_safe_updates = 0,
        sql_select_limit = 18446744073709551615,
        completion_type = 0,
        lock_wait_timeout = 2,
        innodb_lock_wait_timeout = 1
"""
# What is asked for where the server knows it: (variable, statement).
ON_CLUSTERS = (
    ("wsrep_sync_wait", "SET SESSION wsrep_sync_wait = 1"),
    (
        "group_replication_consistency",
        "SET SESSION group_replication_consistency = 'BEFORE'",
    ),
)

T = TypeVar("T")
log = logging.getLogger(__name__)


def open_url(
    url: str, *, now: int, migrate: bool = True, size: int = POOL_SIZE
) -> ManyWritersDatabase:
    """Open the database that `url` names; see `database.open_database`."""
    target = mysql_url.parse(url)
    with _first(target, timeout_s=MIGRATION_TIMEOUT_S) as connection:
        description = mysql_start.describe(connection, driver=connection.client)
        mysql_start.check_tables(connection)
        applied = mysql_start.migrate(connection, now=now, migrate=migrate)
    hosts = _hosts(target, timeout_s=ANSWER_TIMEOUT_S)
    return ManyWritersDatabase(
        hosts.connect, description=description, applied=applied, size=size
    )


def look(url: str, call: Callable[["MysqlConnection"], T]) -> T:
    """Return what `call` reads and changes nothing; raises `DatabaseError`."""
    target = mysql_url.parse(url)
    with _first(target, timeout_s=ANSWER_TIMEOUT_S) as connection:
        connection.begin_snapshot()
        return call(connection)


def _hosts(target: Target, *, timeout_s: int) -> Hosts["MysqlConnection"]:
    return Hosts(
        target.nodes, lambda node: MysqlConnection(target, node, timeout_s=timeout_s)
    )


@contextlib.contextmanager
def _first(target: Target, *, timeout_s: int) -> Iterator["MysqlConnection"]:
    ca = target.ssl_ca
    if ca and not os.access(ca, os.R_OK):
        raise DatabaseError(f"DATABASE_URL names ssl_ca {ca}, which cannot be read.")
    try:
        first = _hosts(target, timeout_s=timeout_s).connect(lambda: START_PATIENCE_S)
        with contextlib.closing(first):
            yield first
    except (driver.Error, errors.Unavailable, ConstraintViolation) as error:
        raise DatabaseError(
            f"The database that DATABASE_URL names cannot be used: {error}."
        ) from error


class MysqlConnection:
    """A `tries.Connection`; also the `tx` that functions get."""

    def __init__(self, target: Target, node: Node, *, timeout_s: int) -> None:
        self.failure: Failure | None = None
        try:
            self._connection = _connect(target, node, timeout_s)
        except driver.Error as error:
            raise Useless(_told(error)) from error
        try:
            # One cursor for all statements: a new one would ping first, and the
            # ping swallows what a cluster has to say about the transaction.
            self._cursor = self._connection.cursor(buffered=True)
            self._set_up()
        except BaseException as error:
            self.close()
            if isinstance(error, driver.Error | errors.Unavailable):
                raise Useless(_told(error)) from error
            raise

    @property
    def client(self) -> str:
        """The driver, and whether its fast C part speaks or Python."""
        kind = "C" if type(self._connection).__name__.startswith("C") else "Python"
        return f"mysql-connector-python {driver.__version__} ({kind})"

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run a statement and return how many rows it matched."""
        with self._reporting():
            self._run(sql, parameters)
            return self._cursor.rowcount

    def one(self, sql: str, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row, or None when there is none."""
        rows = self.all(sql, parameters)
        return rows[0] if rows else None

    def all(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return every row."""
        with self._reporting():
            self._run(sql, parameters)
            return [tuple(map(_text, row)) for row in self._cursor.fetchall()]

    def begin(self) -> None:
        """Start a transaction that sees what others commit meanwhile."""
        self.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        self.execute("START TRANSACTION")

    def begin_snapshot(self) -> None:
        """Start one that reads from a single moment and cannot write."""
        self.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def commit(self) -> None:
        """Return when everything since `begin` is on disk."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        if self.failure is None:
            with contextlib.suppress(errors.Unavailable):
                self.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of it; what is open is undone by the server."""
        with contextlib.suppress(Exception):
            self._connection.close()

    def _set_up(self) -> None:
        self.execute(SESSION)
        self.execute(
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE"
        )
        names = ("read_only", *(name for name, _ in ON_CLUSTERS))
        asked = "SHOW VARIABLES WHERE Variable_name IN (?, ?, ?)"
        known: dict[str, str] = dict(self.all(asked, names))
        if known.get("read_only", "OFF") != "OFF":
            raise Useless("is read-only")
        for name, statement in ON_CLUSTERS:
            if name in known:
                self.execute(statement)

    def _run(self, sql: str, parameters: Sequence[Value]) -> None:
        if parameters:
            self._cursor.execute(sql.replace("?", "%s"), tuple(parameters))
        else:
            self._cursor.execute(sql)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Raise what the rest of the house knows instead of driver errors."""
        try:
            yield
        except driver.Error as error:
            self._fail(error)

    def _fail(self, error: driver.Error) -> NoReturn:
        meaning = mysql_errors.meaning(error.errno)
        if meaning == "mistake":
            raise error
        if meaning == "unique":
            raise UniqueViolation(error.msg) from error
        if meaning == "constraint":
            raise ConstraintViolation(error.msg) from error
        lost = meaning == "outage"
        level = logging.ERROR if lost else logging.DEBUG  # conflicts are daily bread
        log.log(level, "the database failed: %s", _told(error))
        self.failure = Failure(_told(error), lost=lost)
        raise errors.Unavailable(_told(error)) from error


def _connect(target: Target, node: Node, timeout_s: int) -> MySQLConnectionAbstract:
    if target.unix_socket:
        way = {"unix_socket": target.unix_socket, "ssl_disabled": True}
    elif target.ssl_ca:
        # All three: without the last one the C part takes a plain connection
        # from a man in the middle who hides that the server knows TLS.
        way = {"ssl_verify_cert": True, "ssl_verify_identity": True}
        way |= {"host": node.host, "port": node.port, "ssl_ca": target.ssl_ca}
    else:
        way = {"host": node.host, "port": node.port}
    connection = driver.connect(
        user=target.user,
        password=target.password,
        database=target.name,
        charset="utf8mb4",
        collation="utf8mb4_bin",  # known to MySQL and MariaDB alike
        client_flags=[ClientFlag.FOUND_ROWS, -ClientFlag.MULTI_STATEMENTS],
        allow_local_infile=False,
        autocommit=True,  # BEGIN and COMMIT are ours alone
        consume_results=True,
        connection_timeout=CONNECT_TIMEOUT_S,
        read_timeout=timeout_s,
        write_timeout=timeout_s,
        **way,
    )
    return cast(MySQLConnectionAbstract, connection)


def _told(error: Exception) -> str:
    """Return an error as a line; no driver error holds the password."""
    return str(error).strip().rstrip(".")


def _text(value: object) -> object:
    """Return what the house knows: VARBINARY comes as bytes."""
    return value.decode() if isinstance(value, bytes | bytearray) else value
