"""A thread for each connection, where the system has no poller.

The same connections as in `loop`, driven the way the standard library does it:
a thread waits for one of them, does what it is ready for, and waits again. It
may as well wait for a disk or a database, as it holds up nobody else.
"""

import contextlib
import queue
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from authserver.web import refusals
from authserver.web.connections import (
    AT_WORK,
    CLOSED,
    IDLE,
    LAST_WAIT_S,
    READING,
    SENDING,
    SHAKING,
    WANTED,
    Shared,
    choose_spare,
    count_states,
)
from authserver.web.handler import Connection
from authserver.web.messages import Request, Response
from authserver.web.poller import READ, to_selectors

if TYPE_CHECKING:  # loads ssl
    from authserver.web.tls import TlsConnection

MOST_THREADS: Final = 1_000  # 24 to 35 KiB each when idle


class _Driven(NamedTuple):
    connection: Connection
    thread: threading.Thread


class Threads:
    """The connections that have a thread each."""

    queued = 0  # requests that wait for a thread

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self._most = min(shared.most_connections, MOST_THREADS)
        self._lock = threading.Lock()
        self._driven: dict[int, _Driven] = {}
        self._spared: set[int] = set()  # those of them that are told to end

    def drive(self, client: socket.socket, address: str) -> None:
        """Serve a connection to its end, in this thread."""
        connection = self.shared.connect(client, address, self.shared, self)
        if not self._admit(connection):
            refusals.turn_away(self.shared, client)
            return
        try:
            _serve(connection)
        finally:
            with self._lock:
                del self._driven[connection.fd]
                self._spared.discard(connection.fd)

    def counts(self) -> dict[str, int]:
        """Return how many connections are in which state."""
        with self._lock:
            return count_states(each.connection for each in self._driven.values())

    def make_room(self) -> bool:
        """Close who can best be spared; return False if nobody can."""
        with self._lock:
            return self._spare_one()

    def stop(self, drain_s: float) -> None:
        """End when all is answered or time is up."""
        end = time.monotonic() + drain_s
        with self._lock:
            self.shared.drain(time.monotonic())
            driven = [*self._driven.values()]
        # A last moment for who is silent to ask (see `Connection.drain`), and
        # some more for who has begun.
        limits, now = self.shared.limits, time.monotonic()
        for patience_s, states in (
            (limits.last_s, (IDLE, SHAKING)),
            (limits.finish_s, (IDLE, SHAKING, READING)),
        ):
            _join(driven, min(end, now + patience_s))
            if time.monotonic() >= end:  # no time is left to tell anybody
                break
            for each in driven:
                if each.connection.state in states:
                    each.connection.deadline = 0.0  # before its thread wakes up
                    _shut(each.connection, socket.SHUT_RD)
        _join(driven, end)
        for each in driven:
            each.connection.state = CLOSED
            _shut(each.connection, socket.SHUT_RDWR)
        _join(driven, time.monotonic() + LAST_WAIT_S)

    def have_answered(
        self,
        connection: Connection,
        request: Request,
        manner: int,  # noqa: ARG002 - see `Driver`
    ) -> None:
        """Have a request answered; this thread may wait for that."""
        answer: queue.SimpleQueue[Response] = queue.SimpleQueue()
        connection.answer(request, answer.put)
        connection.reply(request, answer.get())

    def shake(self, connection: "TlsConnection", begin_until: float) -> None:  # noqa: ARG002 - see `Driver`
        """Compute what a handshake takes; this thread may do it."""
        connection.shake()

    def _admit(self, connection: Connection) -> bool:
        with self._lock:
            staying = len(self._driven) - len(self._spared)
            if staying >= self._most and not self._spare_one():
                return False
            thread = threading.current_thread()
            self._driven[connection.fd] = _Driven(connection, thread)
            if self.shared.draining:
                connection.state = CLOSED
            return True

    def _spare_one(self) -> bool:
        """Tell who has kept us waiting longest to end; for who has the lock."""
        staying = (
            each.connection
            for fd, each in self._driven.items()
            if fd not in self._spared
        )
        for connection in choose_spare(staying, 1):
            self._spared.add(connection.fd)
            connection.spare()
            # Who does not take an answer waits for nothing to read.
            both = connection.state == SENDING
            _shut(connection, socket.SHUT_RDWR if both else socket.SHUT_RD)
            return True
        return False


def _serve(connection: Connection) -> None:
    # A selector that needs no descriptor of its own.
    kind = getattr(selectors, "PollSelector", selectors.SelectSelector)
    with kind() as selector:
        key = selector.register(connection.socket, READ)
        while connection.state != CLOSED:
            if connection.state in AT_WORK:
                connection.resume()
                continue
            wanted = to_selectors(WANTED[connection.state])
            if key.events != wanted:
                key = selector.modify(connection.socket, wanted)
            if selector.select(max(0.0, connection.deadline - time.monotonic())):
                connection.ready()
            else:
                connection.expire()


def _shut(connection: Connection, how: int) -> None:
    """Make the thread of a connection find that it has ended.

    It may be about to answer a request that has just come, which reading no
    further does not keep it from. And never by closing: the descriptor's number
    could belong to somebody else by the time the thread looks.
    """
    with contextlib.suppress(OSError):
        connection.socket.shutdown(how)


def _join(driven: list[_Driven], end: float) -> None:
    for each in driven:
        each.thread.join(max(0.0, end - time.monotonic()))
