"""The queue before a writer: who waits, who gave up, whose turn it is.

    add -> [waiting] -> taken by the writer -> result or exception
               |
               +-> gave up: cancelled, and never runs

A caller has patience for `BEGIN_WAIT_S`. Giving up and being taken are one
atomic step, a claim: either the function never runs, or it is run. One that is
running is waited for a little longer, because its answer is near; after that
nobody knows whether it will stand, and "unavailable" is the truth.

On SQLite every transaction waits here, for the one writer; on MySQL only those
that nobody waits for (`later`), for a thread in the background.

Each job carries its caller's context variables, so that what it logs has the
request id of the request that asked.
"""

import contextlib
import contextvars
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar, cast

from authserver import errors
from authserver.store.database import Transaction
from authserver.store.rounds import Rounds

BEGIN_WAIT_S = 2.0  # longer, and the client has given up as well
COMMIT_WAIT_S = 8.0  # for a function that is run; a healthy disk needs 0.01
MAX_WAITING = 1024  # a second's work; beyond it the honest answer is 503
MAX_GROUP = 128  # bounds how long the first of a group waits for the last

T = TypeVar("T")
Call = Callable[[Transaction], object]
# Told what a function returned, or what it raised.
Done = Callable[[object, BaseException | None], None]
log = logging.getLogger(__name__)


class Job:
    """A function that waits to be run, and the answer it will have.

    Less than a `Future`, and a third of its cost: one waits, or is told by
    `done`, and a lock that the writer opens wakes who waits without any Python.
    """

    __slots__ = (
        "_claims",
        "_error",
        "_open",
        "_result",
        "_words",
        "call",
        "context",
        "done",
        "rounds",
        "settled",
    )

    def __init__(
        self, call: Call, *, done: Done | None = None, rounds: Rounds | None = None
    ) -> None:
        """Have `call` run; `done`, if anybody waits for that, is told of it.

        With `rounds` it is told by the thread of these.
        """
        self.rounds = rounds
        self.call = call
        self.context = contextvars.copy_context()
        self.done = done
        self.settled = False  # whether what came of it is known
        self._claims = itertools.count()
        self._words = itertools.count()
        self._open = threading.Lock()
        if done is None:
            self._open.acquire()  # closed until it is settled, for who waits
        self._result: object = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        """Return True to the first who asks: the writer, or who gives up."""
        return next(self._claims) == 0

    def run(self, tx: Transaction) -> object:
        """Call the function in its caller's context."""
        return self.context.run(self.call, tx)

    def settle(self, result: object, error: BaseException | None = None) -> None:
        """Tell the caller what came of it; only the first word counts."""
        if next(self._words) != 0:
            return
        self._result, self._error = result, error
        self.settled = True
        if self.done is None:
            self._open.release()
        elif self.rounds is None:
            self._tell()
        else:
            self.rounds.bring(self._tell)

    def _tell(self) -> None:
        try:
            # A copy: the function may still run in it when `give_up_old` tells.
            context = self.context.copy()
            context.run(cast(Done, self.done), self._result, self._error)
        except Exception:  # the thread that tells has others to tell
            log.exception("nobody could be told what came of a transaction")

    def wait(self, timeout_s: float) -> bool:
        """Wait for `settle`; False if it did not come in time."""
        return self._open.acquire(timeout=timeout_s)

    def outcome(self) -> object:
        """Return what came of it, or raise it."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # which refers to this frame, and so to us


class Waiting:
    """Jobs in order of arrival: any thread adds, the writer takes."""

    def __init__(
        self,
        *,
        begin_wait_s: float = BEGIN_WAIT_S,
        commit_wait_s: float = COMMIT_WAIT_S,
    ) -> None:
        self._begin_wait_s = begin_wait_s
        self._commit_wait_s = commit_wait_s
        self._jobs: deque[Job] = deque()
        self._of_rounds: deque[tuple[float, Job]] = deque()  # and when, oldest first
        self._lock = threading.Lock()
        # Open when there may be work. A condition variable would do as well but
        # takes more turns at the interpreter to wake who waits for it.
        self._bell = threading.Lock()
        self._others = 0  # of the jobs: not begun in a round, so nobody else runs them
        self._due = False  # the writer has something else to do
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def closed(self) -> bool:
        """Whether no more jobs are taken in."""
        return self._closed

    def run(self, call: Callable[[Transaction], T]) -> T:
        """Return what the writer got from `call`, committed.

        Raises what `call` raised, or `errors.Unavailable`.
        """
        job = Job(call)
        self._add(job)
        if not job.wait(self._begin_wait_s):
            if job.claim():
                raise errors.Unavailable("the writer is busy or stuck")
            if not job.wait(self._commit_wait_s):
                raise errors.Unavailable("a commit has no end, its fate is open")
        return cast(T, job.outcome())

    def begin(self, call: Call, done: Done, rounds: Rounds) -> None:
        """Leave `call` to the end of the round; `done` is told by a later one.

        The writer is not woken: all of a round share a commit. Raises
        `errors.Unavailable`.
        """
        job = Job(call, done=done, rounds=rounds)
        self._add(job)
        self._forget_settled()
        self._of_rounds.append((time.monotonic(), job))

    def wake(self) -> None:
        """Tell the writer that it has something to do."""
        self._due = True
        self._ring()

    def give_up_old(self) -> None:
        """Tell those of `begin` who have waited for too long, as in `run`."""
        self._forget_settled()
        now = time.monotonic()
        # One that is running may be waited for longer than those behind it.
        for began, job in [*self._of_rounds]:
            waited_s = now - began
            if waited_s < self._begin_wait_s:
                return
            if job.settled:
                continue
            if job.claim():
                job.settle(None, errors.Unavailable("the writer is busy or stuck"))
            elif waited_s >= self._begin_wait_s + self._commit_wait_s:
                job.settle(None, errors.Unavailable("a commit has no end"))

    def _forget_settled(self) -> None:
        while self._of_rounds and self._of_rounds[0][1].settled:
            self._of_rounds.popleft()

    def run_later(self, call: Call) -> None:
        """Leave `call` to the writer; nobody waits, a failure is logged."""
        job = Job(call, done=_log_failure)
        try:
            self._add(job)
        except errors.Unavailable as error:
            job.settle(None, error)

    def first_is_of(self, rounds: Rounds) -> bool:
        """Tell whether who waits first has been begun in these rounds."""
        try:
            return self._jobs[0].rounds is rounds
        except IndexError:
            return False

    def resting(self) -> Rounds | None:
        """Return the rounds that who waits first was begun in, if they rest."""
        try:
            rounds = self._jobs[0].rounds
        except IndexError:
            return None
        return rounds if rounds is not None and rounds.at_rest else None

    def wait(self) -> bool:
        """Block until there is work; False when closed and nothing is left.

        For one thread: the one that takes.
        """
        while not (self._due or self._others or self._closed):
            self._bell.acquire()
        self._due = False
        return bool(self._jobs) or not self._closed

    def take(self, rounds: Rounds | None = None) -> list[Job]:
        """Take the next group; whoever gave up meanwhile is left out.

        With `rounds` only what has been begun in them, as far as it comes
        first: what others want to write may take long.
        """
        jobs: list[Job] = []
        with self._lock:
            while self._jobs and len(jobs) < MAX_GROUP:
                if rounds is not None and self._jobs[0].rounds is not rounds:
                    break
                jobs.append(self._jobs.popleft())
            self._others -= sum(job.rounds is None for job in jobs)
        return [job for job in jobs if job.claim()]

    def close(self) -> None:
        """Refuse new jobs; those that wait are still served."""
        with self._lock:
            self._closed = True
        self._ring()

    def _add(self, job: Job) -> None:
        with self._lock:
            if self._closed:
                raise errors.Unavailable("the database is closed")
            if len(self._jobs) >= MAX_WAITING:
                raise errors.Unavailable("too many wait for the writer")
            self._jobs.append(job)
            if job.rounds is not None:
                return
            self._others += 1
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it rings already
            self._bell.release()


def _log_failure(_result: object, error: BaseException | None) -> None:
    if error is not None:
        log.error("an unawaited transaction failed: %s", error, exc_info=error)
