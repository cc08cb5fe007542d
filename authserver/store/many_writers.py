"""Transactions on a server that many write to: each on a connection of its own.

    transaction --> borrow --> begin
                                 the commit's id
                                 the function
                               commit --> give back
        ^                        |
        +--- conflict or lost ---+   at most 5 tries, all within 2 s

A server chooses victims: two transactions wait for each other's rows, a node
goes away, a cluster finds that another node was faster. The answer to all of it
is the same: drop the connection and run the whole function again, after a short
and uneven pause, so that two victims do not meet again.

What one try does, and how a commit whose answer was lost is recognised, stands
in `tries`.

This file knows threads and no driver; `mysql.py` hands it the connections.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from authserver import errors, tokens
from authserver.store.database import Description, Transaction
from authserver.store.outages import Outage, Outages
from authserver.store.pool import Pool
from authserver.store.rounds import tell_at_once
from authserver.store.tally import Tally
from authserver.store.tries import (
    Connection,
    Done,
    Failure,
    Read,
    Statement,
    Work,
    Write,
    forget_commits,
)
from authserver.store.waiting import Job, Waiting

MAX_TRIES = 5
DEADLINE_S = 2.0  # for all tries: longer, and the client has given up as well
FIRST_PAUSE_S = 0.01  # more or less; doubles with each try
POOL_SIZE = 16  # more would only wait for each other under one interpreter lock
MOST_LATER = 32  # left for the background; beyond that, who asks waits
FORGET_EVERY = 1000  # transactions; each time more rows than that, so none pile up

T = TypeVar("T")
P = ParamSpec("P")
log = logging.getLogger(__name__)


class ManyWritersDatabase:
    """A `database.Database` over a pool of connections."""

    reads_wait = True

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
        self.tally = Tally()
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
    def waiting(self) -> int:
        """How many wait for a connection, or for the background."""
        return self._pool.waiting + len(self._waiting)

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
            self._waiting.run_later(forget_commits)
        return self._write(lambda tx: function(tx, *args, **kwargs))

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)` on a snapshot."""
        return self._run(Read(lambda tx: function(tx, *args, **kwargs)))

    def read_once(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)`, which reads with one statement."""
        return self._run(Statement(lambda tx: function(tx, *args, **kwargs)))

    def end_round(self, wake: Callable[[], None] = lambda: None) -> None:
        """Do nothing: each statement sees its own moment."""

    def begin(
        self,
        function: Callable[..., object],
        /,
        *args: object,
        done: Callable[[object, BaseException | None], None],
    ) -> None:
        """Run `function(tx, *args)` here and now, then call `done`."""
        tell_at_once(self.transaction, function, args, done)

    def give_up_old(self) -> None:
        """Do nothing: `begin` has not left anything."""

    def later(
        self,
        function: Callable[Concatenate[Transaction, P], object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run `function(tx, ...)` in the background some time soon."""
        self._refuse_nesting()
        if len(self._waiting) < MOST_LATER:
            self._waiting.run_later(lambda tx: function(tx, *args, **kwargs))
            return
        # Whoever asks faster than the background writes has to wait for it.
        try:
            self._write(lambda tx: function(tx, *args, **kwargs))
        except Exception:
            log.exception("an unawaited transaction failed")

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
            job.settle(self._write(job.run))
        except BaseException as error:  # noqa: BLE001 - logged where it is settled
            job.settle(None, error)
            return isinstance(error, errors.Unavailable)
        return False

    def _write(self, call: Callable[[Transaction], T]) -> T:
        result = self._run(Write(call))
        self.tally.committed()
        return result

    def _run(self, work: Work[T]) -> T:
        """Return the result of the first try that succeeds."""
        try:
            return self._repeat(work)
        except errors.Unavailable:
            self.tally.failed()
            raise

    def _repeat(self, work: Work[T]) -> T:
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
