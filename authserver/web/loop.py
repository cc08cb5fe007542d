"""The loop: one thread that looks after every connection.

    poller.wait --> accept, read, answer --> send all answers --> poller.wait
                                  |   ^
                        1. at once, here
                        2. in steps: the writer commits, and the loop goes on
                        3. by a request thread, or by a hashing thread

An idle connection is an entry in a table and in the kernel's, not a thread. One
thread reads them all, and it never waits for a sync or for another server, so
that it is there for everybody while a database hangs. (A disk that cannot even
be read stops it, and everybody.) A request is answered in one of three ways
(`connections`):

1. What needs nothing but memory or a short read of a local file is answered at
   once: handing it to another thread would cost more than the answer.
2. A flow with a transaction may be written in steps (`flows.steps`). The loop
   begins it, serves others, runs its statements at the end of the round, and
   goes on with it at the end of a later one, once the writer has committed.
3. What may wait for longer -- a database elsewhere, a password hash -- is lent
   to another thread until that has made the answer (`request_threads`). Who
   asks for the figures has a thread of his own: he asks when all others hang.

Only the loop touches sockets, and it sends all answers of a round together, at
its end. The first of them wakes the client's side, the others find it awake.
(Refusals of bytes that never became a request go at once.)

No locks: a connection belongs to the loop, or to the one thread that answers
its request. What comes back is put into a queue, and `alarm` wakes the loop.
New clients come by `door`.
"""

import functools
import logging
import math
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from authserver import logs
from authserver.web.alarm import Alarm
from authserver.web.connections import (
    CLOSED,
    IN_STEPS,
    LAST_WAIT_S,
    PAUSED,
    WAITING,
    WANTED,
    WATCHING,
    Shared,
    choose_spare,
    count_states,
)
from authserver.web.door import Door
from authserver.web.handler import Connection
from authserver.web.messages import Request, Response
from authserver.web.poller import NOTHING, Poller
from authserver.web.request_threads import Job, RequestThreads

if TYPE_CHECKING:  # loads ssl
    from authserver.web.tls import TlsConnection

SPARED_AT_ONCE: Final = 20  # one in so many: choosing looks at all of them
# Between looks at the deadlines, which are looks at all connections: at most,
# and at least, however many deadlines pass meanwhile.
SWEEP_S: Final = 0.5
SWEEP_PAUSE_S: Final = 0.05
THREADS: Final = 32
BY_THREADS: Final = (WAITING, WATCHING)
SHAKING_THREADS: Final = 2  # for what only computes, and must leave a core alone

log: Final = logging.getLogger("authserver.web")


class Loop:
    """Looks after the connections of one listening socket."""

    def __init__(self, shared: Shared, listener: socket.socket, poller: Poller) -> None:
        self.shared = shared
        self._poller = poller
        self._connections: dict[int, Connection] = {}
        self._answered: deque[Connection] = deque()
        self._threads = RequestThreads(THREADS, clock=time.monotonic)
        self._handshakes = RequestThreads(
            SHAKING_THREADS, clock=time.monotonic, name="handshake"
        )
        self._watchers = RequestThreads(1, clock=time.monotonic, name="watcher")
        self._alarm = Alarm(poller)
        shared.wake = self._alarm.ring
        self._door = Door(
            shared,
            listener,
            poller,
            begin=self._begin,
            full=lambda: len(self._connections) >= shared.most_connections,
            make_room=self.make_room,
        )
        self._next_sweep = 0.0
        self._end = math.inf  # of the time that is left after `stop`

    def run(self) -> None:
        """Serve until stopped, then let what has begun finish."""
        try:
            self._door.open()
            self._alarm.watch()
            self._guard(self.shared.end_round)  # this thread works in rounds
            while not self._finished():
                self._go_round()
        finally:
            self.close()

    def stop(self, drain_s: float) -> None:
        """Accept nobody any more; end when all is answered or time is up."""
        self._end = time.monotonic() + drain_s
        self._alarm.ring()

    def counts(self) -> dict[str, int]:
        """Return how many connections are in which state."""
        return count_states([*self._connections.values()])

    @property
    def queued(self) -> int:
        """How many requests wait for a thread."""
        return len(self._threads)

    # -- what connections ask for

    def have_answered(
        self, connection: Connection, request: Request, manner: int
    ) -> None:
        """Have a request answered: here, in steps, or by a thread."""
        if manner not in BY_THREADS:
            reply = functools.partial(self._take_here, connection, request)
            connection.answer(request, reply, in_steps=manner == IN_STEPS)
            return
        reply = functools.partial(self._take, connection, request)
        threads = self._watchers if manner == WATCHING else self._threads
        threads.put(
            Job(
                time.monotonic() + self.shared.limits.begin_s,
                functools.partial(connection.answer, request, reply),
                functools.partial(connection.give_up, request, reply),
            )
        )

    def shake(self, connection: "TlsConnection", begin_until: float) -> None:
        """Have a thread compute what a handshake takes, if one is soon free."""
        soon = time.monotonic() + self.shared.limits.begin_s
        self._handshakes.put(
            Job(
                min(soon, begin_until),
                functools.partial(self._give_back, connection, connection.shake),
                functools.partial(
                    self._give_back, connection, connection.give_up_handshake
                ),
            )
        )

    # -- events

    def _go_round(self) -> None:
        """Wait for events, see to them, and send all answers."""
        for fd, _ in self._poller.wait(self._patience()):
            connection = self._connections.get(fd)
            if connection is None:
                self._guard(functools.partial(self._hear, fd))
            elif connection.state == PAUSED:
                self._guard(functools.partial(self._ignore, connection))
            else:
                self._drive(connection, connection.ready)
        self._send_answers()
        self._guard(self.shared.at_leisure)
        self._sweep()

    def _drive(self, connection: Connection, step: Callable[[], None]) -> None:
        """Let a connection do something, then wait for what it needs next."""
        logs.request_id.set("-")
        try:
            step()
        except Exception:
            log.exception("the connection of %s failed", connection.peer)
            connection.state = CLOSED
        self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        """Wait for what the state of a connection asks for, or close it."""
        if WANTED[connection.state] != connection.watched:
            try:
                self._watch(connection)
            except OSError as error:  # no memory, or too many are watched
                log.warning("%s cannot be waited for: %s", connection.peer, error)
                connection.state = CLOSED
        # Closed before, its number may be somebody else's by now.
        if connection.state == CLOSED and self._is_here(connection):
            del self._connections[connection.fd]
            connection.socket.close()

    def _ignore(self, connection: Connection) -> None:
        """Do not listen any more to a client whose request pauses.

        What has come keeps until its turn. Waiting for it all the same would
        mean to be woken again and again.
        """
        self._poller.forget(connection.fd)
        connection.watched = NOTHING

    def _hear(self, fd: int) -> None:
        """Take what has come to a socket of our own."""
        if fd == self._alarm.fd:
            self._alarm.hear()
        else:
            self._door.accept()

    def _is_here(self, connection: Connection) -> bool:
        return self._connections.get(connection.fd) is connection

    def _watch(self, connection: Connection) -> None:
        wanted = WANTED[connection.state]
        if connection.watched == NOTHING:
            self._poller.watch(connection.fd, wanted)
        elif wanted == NOTHING:
            self._poller.forget(connection.fd)
        else:
            self._poller.change(connection.fd, wanted)
        connection.watched = wanted

    def _patience(self) -> float | None:
        if self._answered:
            return 0.0
        until = min(
            self._next_sweep,
            self._door.opens_at,
            self._threads.grows_at,
            self._handshakes.grows_at,
            self._watchers.grows_at,
            self._end,
        )
        if not self._connections and not self.shared.draining:
            until = self._door.opens_at
        return None if until == math.inf else max(0.0, until - time.monotonic())

    # -- answering

    def _take_here(
        self, connection: Connection, request: Request, response: Response
    ) -> None:
        """Take an answer that this thread has made."""
        connection.reply(request, response)
        self._answered.append(connection)

    def _take(
        self, connection: Connection, request: Request, response: Response
    ) -> None:
        """Take an answer, in the thread that has made it."""
        self._give_back(
            connection, functools.partial(connection.reply, request, response)
        )

    def _give_back(self, connection: Connection, step: Callable[[], None]) -> None:
        """Do the last that a thread has to do with a connection lent to it."""
        try:
            step()
        finally:
            self._answered.append(connection)
            self._alarm.ring()

    def _send_answers(self) -> None:
        """Send what is answered by now, and end the round.

        A connection that goes on with its next request may read again, and is
        answered in the next round: nobody's pipeline keeps the others waiting.
        So what has been read is forgotten before answers are sent, and again
        before the loop looks who is ready.
        """
        self._guard(self.shared.end_round)
        if self._answered:
            for _ in range(len(self._answered)):
                connection = self._answered.popleft()
                self._drive(connection, connection.resume)
            self._guard(self.shared.end_round)

    def _guard(self, hook: Callable[[], None]) -> None:
        """Call what is nobody's in particular; a bug in it ends nothing."""
        logs.request_id.set("-")
        try:
            hook()
        except Exception:
            log.exception("%s failed", hook)

    # -- coming and going

    def _begin(self, client: socket.socket, peer: str) -> None:
        try:
            connection = self.shared.connect(client, peer, self.shared, self)
            self._watch(connection)
        except Exception:
            log.exception("the connection of %s could not begin", peer)
            client.close()
        else:
            self._connections[connection.fd] = connection

    def make_room(self) -> bool:
        """Close those who can best be spared; return False if nobody can."""
        most = max(1, self.shared.most_connections // SPARED_AT_ONCE)
        spared = choose_spare(self._connections.values(), most)
        for connection in spared:
            connection.state = CLOSED
            self._settle(connection)
        return bool(spared)

    def _sweep(self) -> None:
        """Look at the deadlines, if it is time."""
        now = time.monotonic()
        if self._end < math.inf and not self.shared.draining:
            self._drain(now)
        self._door.reopen(now)
        self._threads.grow(now)
        self._handshakes.grow(now)
        self._watchers.grow(now)
        if now < self._next_sweep:
            return
        self._next_sweep, soonest = now + SWEEP_S, now + SWEEP_PAUSE_S
        for threads in (self._threads, self._handshakes, self._watchers):
            threads.give_up_old(now)
        self._guard(self.shared.sweeping)
        for connection in [*self._connections.values()]:
            if connection.deadline <= now:
                self._drive(connection, connection.expire)
            elif connection.deadline < self._next_sweep:
                self._next_sweep = max(connection.deadline, soonest)

    def _drain(self, now: float) -> None:
        self._door.close()
        self.shared.drain(now)
        for connection in [*self._connections.values()]:
            self._drive(connection, connection.drain)
        self._next_sweep = 0.0

    def _finished(self) -> bool:
        if not self.shared.draining:
            return False
        return not self._connections or time.monotonic() >= self._end

    def close(self) -> None:
        """Close what is still open: at the end, or instead of `run`."""
        for connection in self._connections.values():
            connection.socket.close()
        self._connections.clear()
        self._poller.close()
        self._alarm.close()
        self._threads.close(LAST_WAIT_S)
        self._handshakes.close(LAST_WAIT_S)
        self._watchers.close(LAST_WAIT_S)
