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

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

log: Final = logging.getLogger("authserver.web")


class Job(NamedTuple):
    """Work to begin before `begin_until` (monotonic seconds), or to give up."""

    begin_until: float
    run: Callable[[], None]
    give_up: Callable[[], None]


class RequestThreads:
    """A bounded number of threads behind a queue; neither function raises."""

    def __init__(self, most: int, *, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._jobs: deque[Job] = deque()
        self._threads: list[threading.Thread] = []
        self._free = 0  # threads that wait for a job
        self._closed = False

    def __len__(self) -> int:
        """How many jobs wait, for who watches the server."""
        return len(self._jobs)

    @property
    def busy(self) -> int:
        """How many threads are at work, for who watches the server."""
        return len(self._threads) - self._free

    def put(self, job: Job) -> None:
        """Let a thread do `job`, after all that came before it."""
        with self._changed:
            self._jobs.append(job)
            if self._free >= len(self._jobs) or not self._start_thread():
                self._changed.notify()

    def give_up_old(self, now: float) -> None:
        """Give up what should have begun by now."""
        while (job := self._take_old(now)) is not None:
            job.give_up()

    def close(self, timeout_s: float) -> None:
        """Let the threads end once nothing waits; wait as long for each."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _start_thread(self) -> bool:
        if len(self._threads) == self._most or self._closed:
            return False
        name = f"request-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system has none left. Those we have do the work, and without
            # any it is given up in time.
            log.exception("no thread for a request")
            return False
        self._threads.append(thread)
        return True

    def _take_old(self, now: float) -> Job | None:
        with self._changed:
            if self._jobs and self._jobs[0].begin_until <= now:
                return self._jobs.popleft()
            return None

    def _take(self) -> Job | None:
        with self._changed:
            self._free += 1
            while not self._jobs and not self._closed:
                self._changed.wait()
            self._free -= 1
            return self._jobs.popleft() if self._jobs else None

    def _work(self) -> None:
        while (job := self._take()) is not None:
            if self._clock() < job.begin_until:
                job.run()
            else:
                job.give_up()
            del job  # what it holds need not wait for the next one
