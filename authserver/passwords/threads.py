"""The threads that hash passwords, and the bounded queue in front of them.

    request threads (many)                        hashing threads (= cores)
        submit(address, f) --> [ waiting, <= 64 ] --> f()
              ^                                        |
              +---- a Future: result or exception -----+

A password hash keeps one core busy for some tenths of a second. Were each
request thread to hash by itself, two hundred logins at once would each take a
minute, be given up and repeated, and nothing else would be answered. So:

* As many threads as cores. More finish nothing sooner.
* What waits is bounded. Beyond 64 the honest answer is "not now" (503), at
  once: a client that had to wait longer would be gone before its turn.
* One address has at most 4 in here, waiting and running together. So one
  machine cannot fill the queue and keep everybody else out.
* First come, first served.
* A function runs in its caller's context, so its log lines carry the right
  request id; what it raises is raised to the caller, as if called directly.

The threads start with the first job, not with the server, and are daemons, so
that a process which forgets `close` still ends. Whoever stops a server lets its
requests end first, but not all 64: what waits is refused (`refuse`) while there
is still somebody to be told, and the stop then takes no longer than one job.
"""

import contextvars
import functools
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, ParamSpec, TypeVar

from authserver import errors
from authserver.passwords import niceness

P = ParamSpec("P")
T = TypeVar("T")


class HashingThreads:
    """A fixed number of threads behind a bounded queue."""

    def __init__(
        self, *, threads: int, max_waiting: int = 64, max_per_address: int = 4
    ) -> None:
        self._max_threads = threads
        self._max_waiting = max_waiting
        self._max_per_address = max_per_address
        self._changed = threading.Condition()  # guards all that follows
        self._queue: deque[_Job] = deque()
        self._by_address: Counter[str] = Counter()  # waiting and running
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._done = 0

    @property
    def waiting(self) -> int:
        """How many jobs no thread has begun yet, for who watches the server."""
        with self._changed:
            return len(self._queue)

    @property
    def running(self) -> int:
        """How many jobs a thread is at work on."""
        with self._changed:
            return self._by_address.total() - len(self._queue)

    @property
    def done(self) -> int:
        """How many jobs have ended since the start."""
        return self._done

    def submit(
        self,
        address: str,
        function: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Future[T]":
        """Let a hashing thread run `function`; return what it will come to.

        Raises `errors.Unavailable` at once when the queue is full, when
        `address` has its share of it, and once closed.
        """
        context = contextvars.copy_context()
        call = functools.partial(context.run, function, *args, **kwargs)
        future: Future[T] = Future()
        self._submit(_Job(address, call, future))
        return future

    def refuse(self) -> None:
        """Refuse what waits and what comes; what runs goes on."""
        with self._changed:
            self._closed = True
            refused = list(self._queue)
            self._queue.clear()
            self._changed.notify_all()
        for job in refused:
            job.future.set_exception(errors.Unavailable("closed while waiting"))

    def close(self) -> None:
        """Refuse as above, finish what runs, join the threads."""
        self.refuse()
        for thread in self._threads:
            thread.join()

    def _submit(self, job: "_Job") -> None:
        with self._changed:
            inside = self._by_address.total() + 1
            if self._closed:
                raise errors.Unavailable("the hashing threads are closed")
            if self._by_address[job.address] >= self._max_per_address:
                raise errors.Unavailable("one address has its share of the queue")
            if inside > self._max_threads + self._max_waiting:
                raise errors.Unavailable("the hashing queue is full")
            if len(self._threads) < min(inside, self._max_threads):
                self._start_thread()
            self._by_address[job.address] += 1
            self._queue.append(job)
            self._changed.notify()

    def _start_thread(self) -> None:
        name = f"hashing-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left
            raise errors.Unavailable("cannot start a hashing thread") from error
        self._threads.append(thread)

    def _work(self) -> None:
        # Whoever only wants a token looked at goes before a hash that takes
        # tenths of a second anyway.
        niceness.go_last()
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Do one job; return False when there will be no more."""
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            if not self._queue:
                return False
            job = self._queue.popleft()
        # The place is given up before the answer: whoever gets the answer may
        # come again at once.
        try:
            result = job.call()
        except BaseException as error:  # noqa: BLE001 - whoever asks the future gets it
            self._leave(job.address)
            job.future.set_exception(error)
        else:
            self._leave(job.address)
            job.future.set_result(result)
        finally:
            del job  # and the password with it
        return True

    def _leave(self, address: str) -> None:
        with self._changed:
            self._done += 1
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]  # we keep no list of visitors


class _Job(NamedTuple):
    address: str
    call: Callable[[], Any]
    future: Future[Any]
