"""Several processes on one port: a parent that only starts and restarts them.

    parent          binds the port, holds it, and serves nobody
      worker 1      each a whole server of its own: it accepts from the socket
      worker 2      that all of them inherited, and stores in the same database
      worker n

    SIGTERM, SIGINT    all finish what is in flight, 10 s at most; then the end
    SIGHUP             one after the other is replaced, for an upgrade or new
                       settings; a new one serves before an old one leaves (in
                       a terminal, which has been closed: all finish)
    a worker dies      another takes its place; if they die as soon as they have
                       started, later and later
    it never started   it has said why (bad settings); when nobody else serves,
                       the parent ends with its status
    the parent dies    each worker notices, finishes what is in flight, and ends

One socket for all, not one for each (SO_REUSEPORT): there the kernel gives each
socket a queue of its own, and resets what waits in it when its worker dies.
Here the queue is the parent's as well; whoever connects while a worker dies, or
while one is replaced, is accepted by the next.

A worker is our own command run anew, not a fork of the parent: no thread, lock
or memory of the parent can harm it, and it runs the files that are there now,
which is what makes SIGHUP an upgrade. Three descriptors are all it is given:

    listener    the socket
    life        a pipe that is never written to: it ends when the parent does,
                in whatever way, as the kernel closes the other end
    ready       a pipe for one byte, "I serve"; it ends with the worker

The first worker starts alone. It applies migrations, and what cannot work is
said once, not n times.

HOST, PORT and WORKERS are the parent's, and stay as they were until a restart.
The parent loads neither the database nor HTTP.
"""

import contextlib
import logging
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Set
from functools import partial
from types import FrameType
from typing import NamedTuple

REFUSED = 2  # the status of whoever said a sentence about what cannot work
DRAIN_S = 10.0  # then a worker that has not ended is killed
SETTLED_S = 10.0  # who lived so long did not die of starting
FIRST_DELAY_S = 0.5  # before a third start; doubles with each
LONGEST_DELAY_S = 10.0

log = logging.getLogger("authserver.workers")


class Inherited(NamedTuple):
    """What a worker has from its parent."""

    listener: socket.socket
    life: int
    ready: int

    def say_ready(self) -> None:
        """Tell the parent that this worker serves."""
        with contextlib.suppress(OSError):  # it is gone: `life` will tell
            os.write(self.ready, b"1")

    def stop_with_parent(self) -> None:
        """Send SIGTERM to ourselves when the parent has ended."""
        threading.Thread(target=self._wait, name="life", daemon=True).start()

    def _wait(self) -> None:
        os.read(self.life, 1)
        os.kill(os.getpid(), signal.SIGTERM)


def inherit(descriptors: str) -> Inherited:
    """Take over what the parent wrote at the end of our command."""
    listener, life, ready = (int(number) for number in descriptors.split(","))
    for each in (listener, life, ready):
        os.set_inheritable(each, False)  # noqa: FBT003 - the only way
    return Inherited(socket.socket(fileno=listener), life, ready)


def our_command() -> tuple[str, ...]:
    """Return the command that this process was started with, bare."""
    given = len(sys.argv) - 1
    interpreter, *rest = sys.orig_argv[: len(sys.orig_argv) - given]
    return (sys.executable or interpreter, *rest)


class _Worker:
    def __init__(self, process: subprocess.Popen[bytes], pipe: int) -> None:
        self.process = process
        self.pipe = pipe  # the parent's end of `ready`
        self.started = time.monotonic()
        self.ready = False
        self.leaving = False
        self.kill_at = math.inf

    def leave(self) -> None:
        self.leaving = True
        self.kill_at = time.monotonic() + DRAIN_S
        self.process.terminate()

    def kill(self) -> None:
        log.error("worker %d did not end in time: killed", self.process.pid)
        self.kill_at = math.inf
        self.process.kill()


class Parent:
    """Keeps `count` workers alive until it is told to stop.

    A worker is started with `command` and its descriptors: "5,6,7". `heard` are
    the signals that mean something; `ends` tells whether one ends all, now.
    """

    def __init__(
        self,
        listener: socket.socket,
        count: int,
        command: tuple[str, ...],
        *,
        heard: Set[int],
        ends: Callable[[int], bool],
    ) -> None:
        self._listener = listener
        self._count = count
        self._command = command
        self._heard, self._ends = heard, ends
        self._selector = selectors.DefaultSelector()
        self._life, self._held = os.pipe()  # the second is nobody's but ours
        self._workers: list[_Worker] = []
        self._to_replace: list[_Worker] = []
        self._proven = False  # a worker has served: the settings work
        self._failures = 0  # workers in a row that died young
        self._not_before = 0.0  # when the next may start
        self._stopping = False
        self._status = 0

    def run(self) -> int:
        """Work until all workers have ended; return the exit status."""
        with self._signals():
            while self._workers or not self._stopping:
                self._tend()
                for key, _ in self._selector.select(self._patience_s()):
                    key.data()
        self._selector.close()
        for each in (self._life, self._held):
            os.close(each)
        return self._status

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Let signals arrive as bytes, each its number, that we wait for."""
        reader, writer = socket.socketpair()
        for each in (reader, writer):
            each.settimeout(0)
        # Without a handler there would be no byte.
        before = {each: signal.signal(each, _do_nothing) for each in self._heard}
        signal.set_wakeup_fd(writer.fileno())
        heard = partial(self._hear, reader)
        self._selector.register(reader, selectors.EVENT_READ, heard)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()

    # -- what happens

    def _hear(self, reader: socket.socket) -> None:
        numbers = set(reader.recv(100))
        if self._stopping:
            return
        if any(map(self._ends, numbers)):
            log.info("stopping %d workers", len(self._workers))
            self._stop()
        elif signal.SIGHUP in numbers:
            log.info("replacing the workers, one after the other")
            self._to_replace = self._staying()

    def _read(self, worker: _Worker) -> None:
        """Take the byte of a worker that is ready, or the end of one."""
        if os.read(worker.pipe, 1):
            worker.ready = self._proven = True
            if self._to_replace and len(self._staying()) > self._count:
                self._to_replace.pop(0).leave()
            return
        self._selector.unregister(worker.pipe)
        os.close(worker.pipe)
        self._workers.remove(worker)
        status = worker.process.wait()
        if not worker.leaving:
            self._replace_dead(worker, status)
        elif status not in (0, -signal.SIGTERM):  # the latter: it had not begun
            log.error("worker %d ended with %s", worker.process.pid, _told(status))
            if self._stopping:
                self._status = 1

    def _replace_dead(self, worker: _Worker, status: int) -> None:
        nobody_serves = not any(each.ready for each in self._workers)
        refused = not worker.ready and (status == REFUSED or not self._proven)
        if refused and nobody_serves:
            self._status = max(1, status)  # it has said why
            self._stop()
            return
        log.error("worker %d ended with %s", worker.process.pid, _told(status))
        if worker in self._to_replace:
            self._to_replace.remove(worker)
        elif self._to_replace and not worker.ready:
            log.error("the others stay as they are: a new one does not start")
            self._to_replace = []
        young = time.monotonic() - worker.started < SETTLED_S
        self._failures = self._failures + 1 if young else 0
        self._postpone()

    # -- what is due

    def _tend(self) -> None:
        """Do what is due: kill, start, replace."""
        now = time.monotonic()
        for worker in self._workers:
            if now >= worker.kill_at:
                worker.kill()
        if self._stopping:
            return
        while self._wants_another() and now >= self._not_before:
            self._start()

    def _patience_s(self) -> float | None:
        """Return how long to wait for an event before something is due."""
        until = min((each.kill_at for each in self._workers), default=math.inf)
        if not self._stopping and self._wants_another():
            until = min(until, self._not_before)
        return None if until == math.inf else max(0.0, until - time.monotonic())

    def _wants_another(self) -> bool:
        """Tell whether one more is to start, as soon as it may."""
        staying = self._staying()
        # The first proves that starting works; then come the others.
        if len(staying) < (self._count if self._proven else 1):
            return True
        # One more, if all is calm; once it serves, an old one leaves.
        calm = len(self._workers) == len(staying) == self._count
        return bool(self._to_replace) and calm and all(each.ready for each in staying)

    def _staying(self) -> list[_Worker]:
        return [each for each in self._workers if not each.leaving]

    def _start(self) -> None:
        reader, writer = os.pipe()
        inherited = (self._listener.fileno(), self._life, writer)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command
                (*self._command, ",".join(map(str, inherited))),
                pass_fds=inherited,
                # A terminal's Ctrl-C and hang-up are for the parent to pass on.
                start_new_session=True,
            )
        except OSError as error:
            os.close(reader)
            log.error("no worker can be started: %s", error)  # noqa: TRY400 - told
            self._failures += 1
            self._postpone()
            return
        finally:
            os.close(writer)
        worker = _Worker(process, reader)
        self._workers.append(worker)
        self._selector.register(
            reader, selectors.EVENT_READ, partial(self._read, worker)
        )

    def _postpone(self) -> None:
        """Set when the next may start: at once, after the first failure."""
        delay_s = FIRST_DELAY_S * 2.0 ** min(self._failures - 2, 10)
        delay_s = min(delay_s, LONGEST_DELAY_S) if self._failures > 1 else 0.0
        self._not_before = time.monotonic() + delay_s

    def _stop(self) -> None:
        self._stopping = True
        self._listener.close()  # the port is free when the last worker has let go
        for each in self._workers:
            each.leave()


def _told(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Be a handler."""
