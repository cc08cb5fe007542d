"""Threads for requests that may wait: for a commit, for a database elsewhere.

    the loop --put--> [ waiting, oldest first ] --> one of up to 32 threads
                            |
                            +-- older than two seconds: given up (503)

A thread that waits for a commit serves nobody else, so there are many more than
cores: sixteen who wait together share one sync of the disk. Threads start when
they are first needed and stay.

What has waited too long is given up by whoever looks next, a thread or the
loop, without being begun. So while a database hangs, and all threads with it,
everybody still hears within seconds that it does not work right now.
"""

import itertools
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

log: Final = logging.getLogger("authserver.web")


class Job:
    """Work to begin before `begin_until` (monotonic seconds), or to give up."""

    __slots__ = ("_claims", "begin_until", "claimed", "give_up", "run")

    def __init__(
        self,
        begin_until: float,
        run: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        self.begin_until = begin_until
        self.run = run
        self.give_up = give_up
        self.claimed = False
        self._claims = itertools.count()

    def claim(self) -> bool:
        """Return True to the first who asks: a thread, or who gives it up."""
        self.claimed = True
        return next(self._claims) == 0


class RequestThreads:
    """A bounded number of threads behind a queue."""

    def __init__(
        self, most: int, *, clock: Callable[[], float], name: str = "request"
    ) -> None:
        self._most = most
        self._name = name
        self._clock = clock
        # The same jobs twice: for the threads, and in order of age for whoever
        # gives up the old. A `SimpleQueue` wakes one thread and no Python runs
        # for it; the steps of a deque are atomic.
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._by_age: deque[Job] = deque()
        self._free: deque[None] = deque()  # one for each thread with nothing to do
        self._threads: list[threading.Thread] = []

    def __len__(self) -> int:
        """How many jobs wait, for who watches the server."""
        return self._jobs.qsize()

    def put(self, job: Job) -> None:
        """Let a thread do `job`, after all before it; from one thread only."""
        # What they hold, a password maybe, is not kept longer than it must be.
        while self._by_age and self._by_age[0].claimed:
            self._by_age.popleft()
        self._by_age.append(job)
        self._jobs.put(job)
        try:
            self._free.pop()  # that one will come to it, or another to this one's
        except IndexError:
            if len(self._threads) < self._most:
                self._start_thread()

    def give_up_old(self, now: float) -> None:
        """Give up what should have begun by now."""
        while self._by_age and (
            self._by_age[0].claimed or self._by_age[0].begin_until <= now
        ):
            job = self._by_age.popleft()
            if job.claim():
                self._do(job.give_up)

    def close(self, timeout_s: float) -> None:
        """Let the threads end once nothing waits; wait so long for them all."""
        for _ in self._threads:
            self._jobs.put(None)
        end = self._clock() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - self._clock()))

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:  # a thread that ended would be one too few for ever
            log.exception("a %s failed in its thread", self._name)

    def _start_thread(self) -> None:
        name = f"{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system has none left. Those we have do the work, and without
            # any it is given up in time.
            log.exception("no thread for a %s", self._name)
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.claim():
                late = self._clock() >= job.begin_until
                self._do(job.give_up if late else job.run)
            del job  # what it holds need not wait for the next one
            if self._jobs.empty():
                self._free.append(None)
