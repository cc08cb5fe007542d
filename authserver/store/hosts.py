"""Which of a database's hosts to connect to, and when not to try at all.

Of several hosts the first that lets us write is used, and the next connection
begins with the one that worked last. A replica answers, but is read-only; a
node without its cluster answers with an error. Neither is of use.

    up --no host answers--> down --0.5 s--> one caller looks again
     ^                       ^                     |
     +------ it answers -----|---------------------+
                             +---- none does ------+

A host that is frozen costs whoever tries it a second or more. Dozens of
requests that each find that out for themselves, one after the other on a few
threads, would keep the last of them waiting for a minute. So while the database
is down all but the one who looks hear at once that it is.

Times are seconds of the monotonic clock. This file knows no driver.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from authserver import errors
from authserver.store.mysql_url import Node

LOOK_S = 5.0  # above what one look takes, whatever hangs
LOOK_AGAIN_S = 0.5  # so late we notice that a host is back

C = TypeVar("C")


class Useless(Exception):
    """This host cannot be used now, and why."""


class Hosts(Generic[C]):
    """The hosts of one database; `connect(host)` may raise `Useless`."""

    def __init__(self, nodes: tuple[Node, ...], connect: Callable[[Node], C]) -> None:
        self._nodes = nodes
        self._connect = connect
        self._first = 0
        self._down = False
        self._next_look = 0.0
        self._changing = threading.Lock()

    def connect(self, left: Callable[[], float]) -> C:
        """Return a connection to a host that takes writes.

        Raises `Unavailable` when none does, or `left()` seconds are over.
        """
        with self._changing:
            if self._down and time.monotonic() < self._next_look:
                raise errors.Unavailable("no host answered a moment ago")
            self._next_look = time.monotonic() + LOOK_S
        try:
            connection = self._try_all(left)
        except errors.Unavailable:
            with self._changing:
                self._down = True
                self._next_look = time.monotonic() + LOOK_AGAIN_S
            raise
        self._down = False
        return connection

    def _try_all(self, left: Callable[[], float]) -> C:
        reasons = []
        for offset in range(len(self._nodes)):
            number = (self._first + offset) % len(self._nodes)
            try:
                connection = self._connect(self._nodes[number])
            except Useless as useless:
                reasons.append(f"{self._nodes[number]}: {useless}")
            else:
                self._first = number
                return connection
            if left() <= 0:
                self._first = number + 1  # where the next caller goes on
                break
        raise errors.Unavailable("; ".join(reasons))
