"""A bounded set of connections, the one used last handed out first.

    borrow -->  an idle one   |  a new one   |  wait, as long as the deadline
    give_back --> idle again
    discard   --> closed; a lost one takes all idle ones along

Last in, first out: a quiet server keeps one connection warm, and what a peak
opened lies idle until its server closes it. There is no check whether an idle
one still lives: the check would cost a round trip each time and prove nothing
about the next moment. Who borrowed a dead one notices at its first statement,
calls it lost and borrows again. One dead connection mostly means that all are
(the server was restarted), so idle ones are then closed instead of tried.

This file knows threads and neither a driver nor a clock.
"""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from authserver import errors


class Closable(Protocol):
    """What is pooled."""

    def close(self) -> None:
        """Let go of it; must not raise."""
        ...


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """At most `size` connections, made by `connect(left)` when needed.

    `left()` tells how many seconds the borrower still has.
    """

    def __init__(
        self, connect: Callable[[Callable[[], float]], C], *, size: int
    ) -> None:
        self._connect = connect
        self._size = size
        self._idle: list[C] = []
        self._lent = 0
        self.waiting = 0  # borrowers, for who watches the server
        self._closed = False
        self._changed = threading.Condition()

    def borrow(self, left: Callable[[], float]) -> C:
        """Return a connection nobody else has; raises `Unavailable`."""
        with self._changed:
            self.waiting += 1
            self._changed.wait_for(self._has_room, timeout=max(0.0, left()))
            self.waiting -= 1
            if self._closed:
                raise errors.Unavailable("the database is closed")
            if self._lent >= self._size:
                raise errors.Unavailable("all connections are busy")
            self._lent += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._connect(left)
        except BaseException:
            self._release()
            raise

    def give_back(self, connection: C) -> None:
        """Take back a sound connection."""
        with self._changed:
            if not self._closed:
                self._idle.append(connection)
        if self._closed:
            connection.close()
        self._release()

    def discard(self, connection: C, *, lost: bool) -> None:
        """Close a connection after an error; `lost`: idle ones are dead too."""
        stale = [connection]
        if lost:
            with self._changed:
                stale += self._idle
                self._idle = []
        for each in stale:
            each.close()
        self._release()

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        with self._changed:
            self._closed = True
            stale, self._idle = self._idle, []
            self._changed.notify_all()
        for each in stale:
            each.close()

    def _has_room(self) -> bool:
        return self._closed or self._lent < self._size

    def _release(self) -> None:
        with self._changed:
            self._lent -= 1
            self._changed.notify()
