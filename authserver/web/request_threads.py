"""Threads for what takes longer: a commit, a database elsewhere, a handshake.

    the loop --put--> [ waiting, oldest first ] --> one of up to 32 threads
                            |
                            +-- older than two seconds: given up (503)

A thread that waits for a commit serves nobody else, so there are many more than
cores: sixteen who wait together share one sync of the disk. But each costs a
stack and a heap of its own, for as long as we run. So another one is started
only when somebody has waited for 2 ms and all are at work: one that is just
coming back, or has not got a core yet, is sooner.

What has waited too long is given up by whoever looks next, a thread or the
loop, without being begun. So while a database hangs, and all threads with it,
everybody still hears within seconds that it does not work right now.
"""

import itertools
import logging
import math
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 0.002  # of who waits, before one more thread is started
NO_THREAD_S: Final = 1.0  # before it is tried again where the system has none left

log: Final = logging.getLogger("authserver.web")


class Job:
    """Work to begin before `begin_until` (monotonic seconds), or to give up."""

    __slots__ = ("_claims", "begin_until", "claimed", "give_up", "put_at", "run")

    def __init__(
        self,
        begin_until: float,
        run: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        self.begin_until = begin_until
        self.run = run
        self.give_up = give_up
        self.put_at = 0.0
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
        self._threads: list[threading.Thread] = []
        self._at_work: set[int] = set()  # their idents
        self._looked_at = -math.inf  # if another thread is needed

    def __len__(self) -> int:
        """How many jobs wait, for who watches the server."""
        return sum(not job.claimed for job in self._by_age.copy())

    def put(self, job: Job) -> None:
        """Let a thread do `job`, after all before it; from one thread only."""
        self._forget_claimed()
        job.put_at = self._clock()
        self._by_age.append(job)
        self._jobs.put(job)
        if self._most and not self._threads:
            self._start_thread()

    @property
    def grows_at(self) -> float:
        """When to call `grow` (monotonic), if somebody waits then."""
        self._forget_claimed()
        if not self._by_age or len(self._threads) >= self._most:
            return math.inf
        return max(self._by_age[0].put_at, self._looked_at) + PATIENCE_S

    def grow(self, now: float) -> None:
        """Start one more thread if somebody has waited and all are at work."""
        if self.grows_at <= now:
            self._looked_at = now
            if len(self._at_work) >= len(self._threads):
                self._start_thread()

    def give_up_old(self, now: float) -> None:
        """Give up what should have begun by now."""
        while self._by_age and (
            self._by_age[0].claimed or self._by_age[0].begin_until <= now
        ):
            job = self._by_age.popleft()
            if job.claim():
                self._do(job.give_up)
                # It lies in the queue until a thread is free, which may take
                # long; what it holds, a password maybe, is let go of now.
                job.run = job.give_up = _nothing

    def close(self, timeout_s: float) -> None:
        """Let the threads end once nothing waits; wait so long for them all."""
        for _ in self._threads:
            self._jobs.put(None)
        end = self._clock() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, end - self._clock()))

    def _forget_claimed(self) -> None:
        """Let go of what threads have begun; it may hold a password."""
        while self._by_age and self._by_age[0].claimed:
            self._by_age.popleft()

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
            self._looked_at = self._clock() + NO_THREAD_S
            log.exception("no thread for a %s", self._name)
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        me = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            if job.claim():
                self._at_work.add(me)
                late = self._clock() >= job.begin_until
                self._do(job.give_up if late else job.run)
                self._at_work.discard(me)
            del job  # what it holds need not wait for the next one


def _nothing() -> None:
    """Do nothing: it has been given up."""
