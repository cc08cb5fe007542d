"""The queue before a writer: who waits, who gave up, whose turn it is.

    add -> [waiting] -> taken by the writer -> result or exception
               |
               +-> gave up: cancelled, and never runs

A caller has patience for `BEGIN_WAIT_S`. Giving up and being taken are one
atomic step of `Future`: either the function never runs, or it has begun. One
that has begun is waited for a little longer, because its answer is near; after
that nobody knows whether it will stand, and "unavailable" is the truth.

On SQLite every transaction waits here, for the one writer; on MySQL only those
that nobody waits for (`later`), for a thread in the background.

Each job carries its caller's context variables, so that what it logs has the
request id of the request that asked.
"""

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from authserver import errors
from authserver.store.database import Transaction

BEGIN_WAIT_S = 2.0  # longer, and the client has given up as well
COMMIT_WAIT_S = 8.0  # for a function that has begun; a healthy disk needs 0.01
MAX_WAITING = 1024  # more than all request threads: only a stuck disk fills it
MAX_GROUP = 128  # bounds how long the first of a group waits for the last

T = TypeVar("T")
Call = Callable[[Transaction], object]
log = logging.getLogger(__name__)


class Job:
    """A function that waits to be run, and the answer it will have."""

    __slots__ = ("answer", "call", "context")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.context = contextvars.copy_context()
        self.answer: Future[Any] = Future()

    def run(self, tx: Transaction) -> object:
        """Call the function in its caller's context."""
        return self.context.run(self.call, tx)


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
        self._changed = threading.Condition()
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
        try:
            return cast(T, job.answer.result(self._begin_wait_s))
        except TimeoutError:
            if job.answer.cancel():
                raise errors.Unavailable("the writer is busy or stuck") from None
        try:
            return cast(T, job.answer.result(self._commit_wait_s))
        except TimeoutError as error:
            raise errors.Unavailable("a commit has no end, its fate is open") from error

    def run_later(self, call: Call) -> None:
        """Leave `call` to the writer; nobody waits, a failure is logged."""
        job = Job(call)
        # Called in the writer's thread, so it takes the caller's context along.
        job.answer.add_done_callback(
            lambda answer: job.context.run(_log_failure, answer)
        )
        try:
            self._add(job)
        except errors.Unavailable as error:
            job.answer.set_exception(error)

    def wait(self) -> bool:
        """Block until a job waits; False when closed and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            return bool(self._jobs)

    def take(self) -> list[Job]:
        """Take the next group; whoever gave up meanwhile is left out."""
        with self._changed:
            size = min(len(self._jobs), MAX_GROUP)
            jobs = [self._jobs.popleft() for _ in range(size)]
        return [job for job in jobs if job.answer.set_running_or_notify_cancel()]

    def close(self) -> None:
        """Refuse new jobs; those that wait are still served."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, job: Job) -> None:
        with self._changed:
            if self._closed:
                raise errors.Unavailable("the database is closed")
            if len(self._jobs) >= MAX_WAITING:
                raise errors.Unavailable("too many wait for the writer")
            self._jobs.append(job)
            self._changed.notify()


def _log_failure(answer: Future[Any]) -> None:
    error = answer.exception()
    if error is not None:
        log.error("an unawaited transaction failed: %s", error, exc_info=error)
