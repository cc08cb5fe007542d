"""One writer that commits for all who wait, and readers beside it.

    threads --> Waiting --> functions of all who wait --> commit --> all go on
                            (the writer thread)           (one sync)
    the loop, at the end of its round:
                            functions of this round   --> commit --> the loop
                            (the loop itself)             (the writer thread)
    threads, the loop --> reader connections (`readers`), in parallel

A disk syncs some hundred times a second, however little each sync writes. So
whoever waits shares one transaction with all others (`groups`) and one sync;
meanwhile the next group gathers. The more callers, the larger the groups:
throughput grows with the load, and a lone caller waits for nobody.

A thread that works in rounds runs the functions that it has begun by itself, if
the connection is free, and leaves only the commit to the writer thread. Two
threads that run Python at the same time quarrel about the interpreter, at each
statement anew; one that waits for a disk does not. So the loop is at work while
the disk is, and refreshes are half as many again.

So that nobody is left waiting:

    begun by          when            run by       because
    a thread          at any time     the writer   it is woken at once
    one with rounds   the disk rests  that thread  its round ends; then it wakes
                                                   the writer, to commit
                      the disk works  the writer   when it has committed, and
                                                   finds that thread asleep
                      likewise        that thread  else: the answers that the
                                                   writer brings end its round

After any failure of the machine (disk full, I/O error) the connection is thrown
away and opened anew. A sync that failed is never tried again on the same
handle: the kernel may by then have dropped the pages and would report success.

This file knows threads and no driver; `sqlite.py` hands it the connections.
"""

import logging
import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

from authserver import errors
from authserver.store import groups
from authserver.store.database import Description, Transaction
from authserver.store.groups import Connection, Group, Locked
from authserver.store.readers import Reader, Readers
from authserver.store.rounds import Rounds, tell_at_once
from authserver.store.tally import Tally
from authserver.store.waiting import BEGIN_WAIT_S, Job, Waiting

T = TypeVar("T")
P = ParamSpec("P")
log = logging.getLogger(__name__)


class _Own(threading.local):
    """What is a thread's own."""

    inside = False  # whether it is inside of a function that has a `tx`
    rounds: Rounds | None = None  # if it works in rounds


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
        self._turn = threading.Lock()  # at the connection, and what stands here:
        self._uncommitted: Group | None = None
        self._own = _Own()
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
        rounds = self._own.rounds
        if rounds is None:  # no round has an end here: this thread has to wait
            tell_at_once(self.transaction, function, args, done)
            return
        self._refuse_nesting()
        rounds.at_rest = False

        def settled(result: object, error: BaseException | None) -> None:
            if isinstance(error, errors.Unavailable):
                self.tally.failed()
            done(result, error)

        try:
            self._waiting.begin(lambda tx: function(tx, *args), settled, rounds)
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
        self._refuse_nesting()
        return self._read(self._readers.read, lambda tx: function(tx, *args, **kwargs))

    def read_once(
        self,
        function: Callable[Concatenate[Transaction, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function(tx, ...)`, which reads with one statement."""
        self._refuse_nesting()
        key = (function, args, *kwargs.items())
        known = self._readers.known(key)
        if known is not None:
            return cast(T, known)
        return self._read(
            lambda call: self._readers.read_once(call, key),
            lambda tx: function(tx, *args, **kwargs),
        )

    def end_round(self, wake: Callable[[], None] = lambda: None) -> None:
        """End a round: read anew, write what was begun, tell what came of it.

        If others are writing, a later end comes to it.
        """
        rounds = self._own.rounds
        if rounds is None:
            rounds = self._own.rounds = Rounds(wake)
        rounds.at_rest = False
        self._readers.end_round()
        # The disk is kept busy first, and answers are made meanwhile.
        self._run_round(rounds)
        rounds.tell()
        self._run_round(rounds)  # what went on now may have begun more
        self._readers.end_round()  # and read what will be old in the next round
        rounds.at_rest = True

    def _run_round(self, rounds: Rounds) -> None:
        first = self._waiting.first_is_of(rounds)
        if not first or not self._turn.acquire(blocking=False):
            return
        try:
            # Asked again: all may have been served before it was our turn, and
            # closed as well.
            if self._uncommitted is not None:
                return
            if not self._waiting.first_is_of(rounds):
                return
            # After a failure the file is opened anew, which the writer may wait
            # for, and a thread with rounds may not.
            if self._writer is not None:
                self._own.inside = True
                self._run_group(rounds)
        finally:
            self._own.inside = False
            self._turn.release()
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
        self._own.inside = True
        while self._waiting.wait():
            self._serve_group()
        # What a round has left behind, or somebody who came at the last moment.
        while self._waiting or self._uncommitted is not None:
            self._serve_group()

    def _serve_group(self) -> None:
        """Commit what a round has run or, if nothing, run who waits first."""
        with self._turn:
            if self._uncommitted is None and self._waiting:
                self._run_group()
            committed = self._commit()
            # Who began the next group may sleep until he hears of this one. Run
            # before that, the disk is at work again while he wakes up.
            resting = self._waiting.resting()
            if committed is not None and resting is not None:
                self._run_group(resting)
        if committed is not None:
            groups.tell(committed)
        if self._uncommitted is not None:
            self._waiting.wake()
            return
        # Whoever works in rounds is woken by these answers, and comes for what
        # it has begun meanwhile. For what others want, the writer wakes itself.
        coming = committed is not None and committed.of_round
        if self._waiting and not coming:
            self._waiting.wake()

    def _run_group(self, rounds: Rounds | None = None) -> None:
        """Run the functions of who waits, and leave the commit for later."""
        try:
            writer = self._begin(wait=rounds is None)
        except Locked:
            # The lock may go away in time: who waits goes on waiting, each as
            # long as his patience lasts.
            if rounds is None:
                log.warning("another program has locked the database")
                if self._waiting.closed:
                    groups.refuse(self._waiting.take())
            return
        except Exception:
            log.exception("the database cannot be written")
            self._lose(self._waiting.take())
            return
        jobs = self._waiting.take(rounds)
        try:
            self._uncommitted = groups.run(writer, jobs, wait=rounds is None)
        except Locked:  # between undoing a group and running it again
            log.warning("another program has locked the database")
            groups.refuse(jobs)
        except Exception:
            log.exception("a group failed, and %d callers with it", len(jobs))
            self._lose(jobs)

    def _begin(self, *, wait: bool) -> Connection:
        if self._writer is None:
            self._writer = self._connect(True)  # noqa: FBT003 - writable
        self._writer.begin(wait=wait)
        return self._writer

    def _commit(self) -> Group | None:
        """Commit what has run; return it if it is on disk now."""
        group, self._uncommitted = self._uncommitted, None
        if group is None or self._writer is None:
            return None
        try:
            self._writer.commit()
        except Exception:
            log.exception("a commit failed, and %d callers with it", len(group.jobs))
            self._lose(group.jobs)
            return None
        self.tally.committed(group.succeeded)
        return group

    def _lose(self, jobs: list[Job]) -> None:
        self._discard_writer()
        groups.refuse(jobs)

    def _discard_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _read(
        self,
        way: Callable[[Callable[[Reader], T]], T],
        call: Callable[[Reader], T],
    ) -> T:
        self._own.inside = True
        try:
            return way(call)
        except errors.Unavailable:
            self.tally.failed()
            raise
        finally:
            self._own.inside = False

    def _refuse_nesting(self) -> None:
        if self._own.inside:
            raise RuntimeError("a transaction inside a transaction waits for itself")
