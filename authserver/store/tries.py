"""One try of a transaction on a server, and knowing whether it stands.

    begin, insert the commit's id, the function, commit

When the connection dies during COMMIT, nobody knows whether the transaction
stands: the server may have committed, and only its answer was lost. To run the
function again could do things twice; not to run it could lose them. So each
transaction begins by inserting a row with an id that was drawn once for all its
tries. If an earlier try did commit, the insert of the next one finds that row
and fails, and the row names the try whose result is the answer. If the earlier
try is still under way, the insert waits for its row lock; between two nodes of
a cluster, certification lets only one of them commit. Either way every function
takes effect once, and no flow needs to care. The rows are forgotten after an
hour.

One conflict is left to the function first: a key that exists already
(`UniqueViolation`). If it escapes, the function is run again as well, because
mostly it looked, saw nothing, and lost a race; now it sees the other's row. One
that escapes a third time is no race, and is raised.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from authserver import tokens
from authserver.store.database import Transaction, UniqueViolation

MAX_RACES = 2  # reruns because of a key that exists already
FORGET_ROWS = 2000
FORGET_AFTER_S = 3600  # long after the last try of any transaction has ended

T = TypeVar("T")


class Failure(NamedTuple):
    """Why a connection is of no more use."""

    reason: str
    lost: bool  # and so are those made before it


class Connection(Transaction, Protocol):
    """What an engine provides."""

    failure: Failure | None  # the first one; then the connection is thrown away

    def begin(self) -> None:
        """Start a transaction that sees what others commit meanwhile."""
        ...

    def begin_snapshot(self) -> None:
        """Start one that reads from a single moment and cannot write."""
        ...

    def commit(self) -> None:
        """Return when everything since `begin` is on disk."""
        ...

    def rollback(self) -> None:
        """Undo everything since `begin`; must not raise."""
        ...

    def close(self) -> None:
        """Let go of it; must not raise."""
        ...


class Done(NamedTuple, Generic[T]):
    """What a try came to."""

    result: T


class Work(Protocol[T]):
    """A function on its way to a result, through one try or several."""

    def run(self, connection: Connection, number: int) -> Done[T] | Failure:
        """Make try `number`; a `Failure` if another one may fare better."""
        ...


class Write(Generic[T]):
    """A function that writes."""

    def __init__(self, call: Callable[[Transaction], T]) -> None:
        self._call = call
        self._id = tokens.operation_id()
        self._results: dict[int, T] = {}  # of the tries that sent COMMIT
        self._races = 0

    def run(self, connection: Connection, number: int) -> Done[T] | Failure:
        """Make try `number`, unless an earlier one turns out to stand."""
        connection.begin()
        try:
            connection.execute(
                """
                INSERT INTO commits (id, attempt, at)
                VALUES (?, ?, UNIX_TIMESTAMP())
                """,
                (self._id, number),
            )
        except UniqueViolation:
            stands = connection.one(
                "SELECT attempt FROM commits WHERE id = ?", (self._id,)
            )
            connection.rollback()
            if stands is None:
                return Failure("a commit is still under way", lost=False)
            return Done(self._results[stands[0]])
        try:
            result = self._call(connection)
        except UniqueViolation:
            self._races += 1
            if self._races > MAX_RACES:
                raise
            connection.rollback()
            return Failure("somebody else was faster", lost=False)
        if connection.failure is None:
            self._results[number] = result
            connection.commit()
        return Done(result)


class Read(Generic[T]):
    """A function that reads."""

    def __init__(self, call: Callable[[Transaction], T]) -> None:
        self._call = call

    def run(self, connection: Connection, _number: int) -> Done[T] | Failure:
        """Call the function between begin and rollback."""
        connection.begin_snapshot()
        result = self._call(connection)
        connection.rollback()
        return Done(result)


class Statement(Generic[T]):
    """A function that reads with a single statement."""

    def __init__(self, call: Callable[[Transaction], T]) -> None:
        self._call = call

    def run(self, connection: Connection, _number: int) -> Done[T] | Failure:
        """Call the function outside of any transaction."""
        return Done(self._call(connection))


def forget_commits(tx: Transaction) -> None:
    """Remove rows that no try will ask for again."""
    # The server's clock, here and above: processes share it.
    tx.execute(
        """
        DELETE FROM commits
         WHERE at < UNIX_TIMESTAMP() - ?
         ORDER BY at
         LIMIT ?
        """,
        (FORGET_AFTER_S, FORGET_ROWS),
    )
