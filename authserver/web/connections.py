"""Which connections are open, and which of them go when there are too many.

A connection costs a thread and a file descriptor, and anybody may open one. So
there is a most, below the process's limit of descriptors, and when it is
reached the server chooses whom to close:

    state      the server waits for              closed to make room
    idle       the first byte of a request       first, the longest idle first
    waiting    the rest of it, or the client     next, the longest waiting first
               to read its answer
    working    nobody: the site is at work       never

Honest clients pass through `waiting` in milliseconds. Those who linger there by
the hundred, sending a byte now and then, must not keep the others out until
their deadlines end.

A connection's own thread reports its states; closing from outside is a
`shutdown` of the socket, which wakes that thread, and never a `close`: the
number of a closed descriptor may already belong to somebody else.
"""

import contextlib
import socket
import threading

ROOM_WAIT_S = 0.1  # for a closed connection's thread to give back its socket


class Connections:
    """The open connections of one server; safe from any thread."""

    def __init__(self, most: int, *, room_wait_s: float = ROOM_WAIT_S) -> None:
        self._most = most
        self._room_wait_s = room_wait_s
        self._lock = threading.Lock()
        self._one_left = threading.Condition(self._lock)
        self._threads: dict[socket.socket, threading.Thread] = {}
        # Dicts keep their order, so the first of each waits longest.
        self._idle: dict[socket.socket, None] = {}
        self._waiting: dict[socket.socket, None] = {}
        self._leaving: set[socket.socket] = set()
        self.draining = False

    def admit(self, connection: socket.socket, thread: threading.Thread) -> bool:
        """Take in a new connection, idle; False when there is no room."""
        with self._lock:
            if self.draining:
                return False
            if len(self._threads) >= self._most and not self._make_room():
                return False
            self._threads[connection] = thread
            self._idle[connection] = None
            return True

    def make_room(self) -> None:
        """Close the connection that can best be spared, if there is one."""
        with self._lock:
            self._make_room()

    def idle(self, connection: socket.socket) -> bool:
        """Note that a connection is between requests; False if it must go."""
        with self._lock:
            if self.draining or connection in self._leaving:
                return False
            self._waiting.pop(connection, None)
            self._idle[connection] = None
            return True

    def waiting(self, connection: socket.socket) -> bool:
        """Note that it is the client's turn; False if it must go."""
        with self._lock:
            if connection in self._leaving:
                return False
            self._idle.pop(connection, None)
            self._waiting[connection] = None
            return True

    def working(self, connection: socket.socket) -> bool:
        """Note that a request is being served; False if it must go."""
        with self._lock:
            if connection in self._leaving:
                return False
            self._idle.pop(connection, None)
            self._waiting.pop(connection, None)
            return True

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection whose socket has been closed."""
        with self._lock:
            self._idle.pop(connection, None)
            self._waiting.pop(connection, None)
            self._leaving.discard(connection)
            if self._threads.pop(connection, None):
                self._one_left.notify_all()

    def counts(self) -> dict[str, int]:
        """Return how many are in each state, for who watches the server."""
        with self._lock:
            idle, waiting = len(self._idle), len(self._waiting)
            others = len(self._threads) - idle - waiting
            return {"idle": idle, "waiting": waiting, "working": others}

    def drain(self) -> list[threading.Thread]:
        """Close what is idle, let the rest finish; return the threads."""
        with self._lock:
            self.draining = True
            while self._idle:
                self._close(next(iter(self._idle)))
            return list(self._threads.values())

    def close_all(self) -> None:
        """Close what is still open, whatever it is doing."""
        with self._lock:
            for connection in self._threads:
                self._close(connection)

    def _make_room(self) -> bool:
        spare = next(iter(self._idle), None) or next(iter(self._waiting), None)
        if spare is None:
            return False
        self._close(spare)
        return self._one_left.wait_for(
            lambda: len(self._threads) < self._most, self._room_wait_s
        )

    def _close(self, connection: socket.socket) -> None:
        self._idle.pop(connection, None)
        self._waiting.pop(connection, None)
        self._leaving.add(connection)
        # The client may have gone first; then there is nothing left to shut.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
