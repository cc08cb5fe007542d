"""Transactions on a server that many write to: each on a connection of its own.

    transaction --> borrow --> begin
                                 insert the commit's id
                                 the function
                               commit --> give back
        ^                        |
        +--- conflict or lost ---+   at most 5 tries, all within 2 s

A server chooses victims: two transactions wait for each other's rows, a node
goes away, a cluster finds that another node was faster. The answer to all of it
is the same: drop the connection and run the whole function again, after a short
and uneven pause, so that two victims do not meet again.

One loss is different. When the connection dies during COMMIT, nobody knows
whether the transaction stands: the server may have committed, and only its
answer was lost. To run the function again could do things twice; not to run it
could lose them. So each transaction begins by inserting a row with an id that
was drawn once for all its tries. If an earlier try did commit, the insert of
the next one finds that row and fails, and the row names the try whose result is
the answer. If the earlier try is still under way, the insert waits for its row
lock; between two nodes of a cluster, certification lets only one of them
commit. Either way every function takes effect once, and no flow needs to care.
The rows are forgotten after an hour.

One conflict is left to the function first: a key that exists already
(`UniqueViolation`). If it escapes, the function is run again as well, because
mostly it looked, saw nothing, and lost a race; now it sees the other's row. One
that escapes a third time is no race, and is raised.

This file knows threads and no driver; `mysql.py` hands it the connections.
"""

import itertools
import threading
import time
from collections.abc import Callable
from typing import Concatenate, Generic, NamedTuple, ParamSpec, Protocol, TypeVar

from authserver import errors, tokens
from authserver.store.database import Description, Transaction, UniqueViolation
from authserver.store.outages import Outage, Outages
from authserver.store.pool import Pool
from authserver.store.waiting import Job, Waiting

MAX_TRIES = 5
DEADLINE_S = 2.0  # for all tries: longer, and the client has given up as well
MAX_RACES = 2  # reruns because of a key that exists already
FIRST_PAUSE_S = 0.01  # more or less; doubles with each try
POOL_SIZE = 16  # more would only wait for each other under one interpreter lock
FORGET_EVERY = 1000  # transactions; each time up to `FORGET_ROWS`, so none pile up
FORGET_ROWS = 2000
FORGET_AFTER_S = 3600  # long after the last try of any transaction has ended

T = TypeVar("T")
P = ParamSpec("P")


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


class ManyWritersDatabase:
    """A `database.Database` over a pool of connections."""

    def __init__(
        self,
        connect: Callable[[Callable[[], float]], Connection],
        *,
        description: Description,
        applied: tuple[str, ...] = (),
        size: int = POOL_SIZE,
    ) -> None:
        self.applied = applied
        self.description = description
        self.outages = Outages(time.monotonic)
        self._pool = Pool(self.outages.watch(connect), size=size)
        self._inside = threading.local()  # .function is true where a `tx` is in use
        self._written = itertools.count()
        self._waiting = Waiting()
        self._closed = threading.Event()
        # A daemon, so that a program that forgets `close` can still end.
        self._thread = threading.Thread(
            target=self._serve, name="database-later", daemon=True
        )
        self._thread.start()

    @property
    def outage(self) -> Outage | None:
        """When the server was away the last time."""
        return self.outages.latest

    def transaction(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)` until one of its tries is committed."""
        if next(self._written) % FORGET_EVERY == FORGET_EVERY - 1:
            self._waiting.run_later(_forget_commits)
        return self._run(_Write(lambda tx: function(tx, *args, **kwargs)))

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)` on a snapshot."""
        return self._run(_Read(lambda tx: function(tx, *args, **kwargs)))

    def later(
        self,
        function: Callable[Concatenate[Transaction, P], object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run `function(tx, ...)` in the background some time soon."""
        self._refuse_nesting()
        self._waiting.run_later(lambda tx: function(tx, *args, **kwargs))

    def close(self) -> None:
        """Finish what was left for later, then close all connections."""
        self._refuse_nesting()
        self._waiting.close()
        self._thread.join()
        self._closed.set()
        self._pool.close()

    def _serve(self) -> None:
        """Be the thread that runs what nobody waits for."""
        while self._waiting.wait():
            for job in self._waiting.take():
                if self._run_job(job) and self._waiting.closed:
                    self._pool.close()  # who closes cannot wait for all the others

    def _run_job(self, job: Job) -> bool:
        """Run a job and settle its answer; True if the database is away."""
        try:
            job.answer.set_result(self._run(_Write(job.run)))
        except BaseException as error:  # noqa: BLE001 - logged by who takes the answer
            job.answer.set_exception(error)
            return isinstance(error, errors.Unavailable)
        return False

    def _run(self, work: Work[T]) -> T:
        """Return the result of the first try that succeeds."""
        self._refuse_nesting()
        ends_at = time.monotonic() + DEADLINE_S
        drawn = tokens.operation_id()
        reason = ""
        for number in range(MAX_TRIES):
            outcome = self._try(work, number, lambda: ends_at - time.monotonic())
            if not isinstance(outcome, Failure):
                return outcome.result
            reason = outcome.reason
            # No two wait alike: four digits of randomness for each pause.
            uneven = int(drawn[4 * number : 4 * number + 4], 16) / 0x10000
            pause_s = FIRST_PAUSE_S * 2**number * (0.5 + uneven)
            if time.monotonic() + pause_s >= ends_at:
                break
            time.sleep(pause_s)
        raise errors.Unavailable(reason)

    def _try(
        self, work: Work[T], number: int, left: Callable[[], float]
    ) -> Done[T] | Failure:
        connection = self._pool.borrow(left)
        self._inside.function = True
        try:
            outcome = work.run(connection, number)
        except BaseException as error:
            # A failure of the connection is one whatever the function made of
            # it. Anything else is the function's own, and undoes its writes.
            if connection.failure is None or not isinstance(error, Exception):
                connection.rollback()
                raise
            return connection.failure
        finally:
            self._inside.function = False
            self._return(connection)
        return outcome if connection.failure is None else connection.failure

    def _return(self, connection: Connection) -> None:
        if connection.failure is None:
            self._pool.give_back(connection)
        else:
            if connection.failure.lost:
                self.outages.note()
            self._pool.discard(connection, lost=connection.failure.lost)

    def _refuse_nesting(self) -> None:
        if getattr(self._inside, "function", False):
            raise RuntimeError("a transaction inside a transaction waits for itself")


class _Write(Generic[T]):
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


class _Read(Generic[T]):
    """A function that reads."""

    def __init__(self, call: Callable[[Transaction], T]) -> None:
        self._call = call

    def run(self, connection: Connection, _number: int) -> Done[T] | Failure:
        """Call the function between begin and rollback."""
        connection.begin_snapshot()
        result = self._call(connection)
        connection.rollback()
        return Done(result)


def _forget_commits(tx: Transaction) -> None:
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
