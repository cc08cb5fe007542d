"""One writer that commits for all who wait, and readers beside it.

    threads, the loop --> Waiting --> writer thread, one connection
                                      begin
                                        function of caller 1
                                        function of caller 2 ...
                                      commit (one sync) --> all callers go on
    threads, the loop --> reader connections (`readers`), in parallel

A disk syncs some hundred times a second, however little each sync writes. So
the writer takes everybody who waits into one transaction and syncs once for
all; meanwhile the next group gathers. The more callers, the larger the groups:
throughput grows with the load, and a lone caller waits for nobody.

A function that raises harms only its caller: what the group has done is undone,
and all run again, each in a savepoint. If the commit fails, every caller of the
group hears `Unavailable`, also those whose function raised: they may have seen
what a neighbour wrote and what now never was.

After any failure of the machine (disk full, I/O error) the connection is thrown
away and opened anew. A sync that failed is never tried again on the same
handle: the kernel may by then have dropped the pages and would report success.

This file knows threads and no driver; `sqlite.py` hands it the connections.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from authserver import errors
from authserver.store.database import Description, Transaction
from authserver.store.readers import Reader, Readers
from authserver.store.tally import Tally
from authserver.store.waiting import BEGIN_WAIT_S, Job, Waiting

T = TypeVar("T")
P = ParamSpec("P")
log = logging.getLogger(__name__)


class Locked(Exception):
    """Another program holds the database's write lock at the moment."""


class Connection(Reader, Protocol):
    """What an engine provides; any failure of the machine is `Unavailable`."""

    def begin(self) -> None:
        """Take the write lock. Raises `Locked`."""
        ...

    def commit(self) -> None:
        """Return when everything since `begin` is on disk."""
        ...

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        ...

    def run_in_savepoint(self, call: Callable[[Transaction], T]) -> T:
        """Return what `call` does; undo its writes if it raises."""
        ...


class _Inside(threading.local):
    function = False  # whether the thread is inside of one that has a `tx`


class OneWriterDatabase:
    """A `database.Database` with one writer thread.

    `connect(writable)` opens a connection, `writer` is the first of them, and
    `release` is called when the last has been closed.
    """

    reads_wait = False
    outage = None  # its file is on this machine; a disk that fails stays away

    def __init__(
        self,
        connect: Callable[[bool], Connection],
        *,
        writer: Connection,
        release: Callable[[], None],
        description: Description,
        applied: tuple[str, ...] = (),
        begin_wait_s: float = BEGIN_WAIT_S,
    ) -> None:
        self.applied = applied
        self.description = description
        self.tally = Tally()
        self._connect = connect
        self._writer: Connection | None = writer
        self._release: Callable[[], None] | None = release
        self._begin_wait_s = begin_wait_s
        self._waiting = Waiting(begin_wait_s=begin_wait_s)
        self._closing = threading.Lock()
        self._inside = _Inside()
        self._readers = Readers(lambda: connect(False))  # noqa: FBT003 - writable
        # A daemon, so that a program that forgets `close` can still end.
        self._thread = threading.Thread(
            target=self._serve, name="database-writer", daemon=True
        )
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many functions wait, for who watches the server."""
        return len(self._waiting)

    def transaction(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)` on the writer; return once it is synced."""
        self._refuse_nesting()
        try:
            return self._waiting.run(lambda tx: function(tx, *args, **kwargs))
        except errors.Unavailable:
            self.tally.failed()
            raise

    def begin(
        self,
        function: Callable[..., object],
        /,
        *args: object,
        done: Callable[[object, BaseException | None], None],
    ) -> None:
        """Run `function(tx, *args)` on the writer; call `done` once synced."""
        self._refuse_nesting()

        def settled(result: object, error: BaseException | None) -> None:
            if isinstance(error, errors.Unavailable):
                self.tally.failed()
            done(result, error)

        try:
            self._waiting.begin(
                lambda tx: function(tx, *args),
                settled,
                wake=not self._readers.in_rounds,
            )
        except errors.Unavailable as error:
            settled(None, error)

    def give_up_old(self) -> None:
        """Call `done` where the writer did not come to it in time."""
        self._waiting.give_up_old()

    def later(
        self,
        function: Callable[Concatenate[Transaction, P], object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run `function(tx, ...)` on the writer some time soon."""
        self._refuse_nesting()
        self._waiting.run_later(lambda tx: function(tx, *args, **kwargs))

    def read(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)` on a snapshot, in the caller's thread."""
        return self._read(self._readers.read, lambda tx: function(tx, *args, **kwargs))

    def read_once(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)`, which reads with one statement."""
        key = (function, args, *kwargs.items())
        return self._read(
            lambda call: self._readers.read_once(call, key),
            lambda tx: function(tx, *args, **kwargs),
        )

    def end_round(self) -> None:
        """End a round: read anew from here on, and write what was begun."""
        self._readers.end_round()
        self._waiting.wake()

    def close(self) -> None:
        """Serve who waits, then close readers and writer, and release."""
        self._refuse_nesting()
        self._waiting.close()
        with self._closing:
            if self._release is None:
                return
            self._thread.join()
            self._readers.close(self._begin_wait_s)
            # The last connection to close folds the WAL into the file.
            self._discard_writer()
            self._release()
            self._release = None

    def _serve(self) -> None:
        """Be the writer thread until closed and nobody waits."""
        self._inside.function = True
        while self._waiting.wait():
            try:
                writer = self._begin()
            except Locked:
                # The lock may go away in time: who waits goes on waiting, each
                # as long as his patience lasts.
                log.warning("another program has locked the database")
                if self._waiting.closed:
                    _refuse(self._waiting.take())
            except Exception:
                log.exception("the database cannot be written")
                self._discard_writer()
                _refuse(self._waiting.take())
            else:
                self._serve_group(writer, self._waiting.take())

    def _begin(self) -> Connection:
        if self._writer is None:
            self._writer = self._connect(True)  # noqa: FBT003 - writable
        self._writer.begin()
        return self._writer

    def _serve_group(self, writer: Connection, jobs: list[Job]) -> None:
        """Run the functions, commit once, then give each caller its answer."""
        try:
            outcomes = _outcomes(writer, jobs)
            writer.commit()
        except Locked:  # between undoing a group and running it again
            log.warning("another program has locked the database")
            _refuse(jobs)
            return
        except Exception:
            log.exception("a commit failed, and %d callers with it", len(jobs))
            self._discard_writer()
            _refuse(jobs)
            return
        self.tally.committed(sum(raised is None for _, raised in outcomes))
        for job, (result, raised) in zip(jobs, outcomes, strict=True):
            if raised is None:
                job.settle(result)
            else:
                job.settle(None, raised)

    def _discard_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _read(
        self,
        way: Callable[[Callable[[Reader], T]], T],
        call: Callable[[Reader], T],
    ) -> T:
        self._refuse_nesting()
        self._inside.function = True
        try:
            return way(call)
        except errors.Unavailable:
            self.tally.failed()
            raise
        finally:
            self._inside.function = False

    def _refuse_nesting(self) -> None:
        if self._inside.function:
            raise RuntimeError("a transaction inside a transaction waits for itself")


Outcome = tuple[object, BaseException | None]  # what was returned, and raised


def _outcomes(writer: Connection, jobs: list[Job]) -> list[Outcome]:
    """Run all functions; the writes of those that raise are undone."""
    outcomes: list[Outcome] | None = None
    with contextlib.suppress(BaseException):  # it comes again, to its caller
        outcomes = [(job.run(writer), None) for job in jobs]
    if writer.failure is not None:  # whatever a function made of it
        raise writer.failure
    if outcomes is None:
        # Hardly any ever raises, so savepoints, which cost a sixth of the work,
        # are taken only now: all is undone, and run once more.
        writer.rollback()
        writer.begin()
        outcomes = [_outcome(writer, job) for job in jobs]
    return outcomes


def _outcome(writer: Connection, job: Job) -> Outcome:
    """Run a function in a savepoint of its own."""
    result, raised = None, None
    try:
        result = writer.run_in_savepoint(job.run)
    except BaseException as error:  # noqa: BLE001 - raised again where its caller waits
        raised = error
    if writer.failure is not None:
        raise writer.failure
    return result, raised


def _refuse(jobs: list[Job]) -> None:
    for job in jobs:
        job.settle(None, errors.Unavailable("the database cannot be written"))
