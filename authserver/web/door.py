"""The listening socket of the loop: who may come in, and when nobody may.

    open   the poller tells of clients; some are let in in each round
    shut   descriptors or memory ran out: for a moment nobody is waited for
    closed for good: the server stops, and the kernel refuses whoever comes

A listening socket with clients that cannot be accepted stays ready, so a loop
that merely tried again would burn a core.
"""

import errno
import logging
import math
import socket
import time
from collections.abc import Callable
from typing import Final

from authserver.listening import BACKLOG
from authserver.web import refusals
from authserver.web.connections import Shared
from authserver.web.poller import READ, Poller

ACCEPT_AT_ONCE: Final = 64  # then those who are in get their turn
RETRY_ACCEPT_S: Final = 0.05  # when descriptors or memory ran out
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log: Final = logging.getLogger("authserver.web")


class Door:
    """Accepts clients from `listener`; for one thread.

    `begin` takes over a client's socket and address, `full` tells whether there
    is a place for one more, and `make_room` tries to make one.
    """

    def __init__(
        self,
        shared: Shared,
        listener: socket.socket,
        poller: Poller,
        *,
        begin: Callable[[socket.socket, str], None],
        full: Callable[[], bool],
        make_room: Callable[[], bool],
    ) -> None:
        self._shared = shared
        self._listener = listener
        self._poller = poller
        self._begin = begin
        self._full = full
        self._make_room = make_room
        self.opens_at = math.inf  # while it is shut, when to `reopen`

    def open(self) -> None:
        """Begin to wait for clients."""
        self._listener.settimeout(0)
        self._poller.watch(self._listener.fileno(), READ)

    def accept(self, most: int = ACCEPT_AT_ONCE) -> None:
        """Let in who is there, at most so many."""
        for _ in range(most):
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._cannot_accept(error)
                return
            if self._full() and not self._make_room():
                refusals.turn_away(self._shared, client)
                continue
            self._begin(client, address[0])

    def reopen(self, now: float) -> None:
        """Wait for clients again if it was shut for long enough."""
        if self.opens_at > now:
            return
        try:
            self._poller.watch(self._listener.fileno(), READ)
        except OSError:  # what ran out has not come back
            self.opens_at = now + RETRY_ACCEPT_S
        else:
            self.opens_at = math.inf

    def close(self) -> None:
        """Let in who has connected, as he may have asked, and nobody else."""
        self.accept(BACKLOG)
        if self.opens_at == math.inf:
            self._poller.forget(self._listener.fileno())
        self.opens_at = math.inf
        self._listener.close()

    def _cannot_accept(self, error: OSError) -> None:
        if error.errno in EXHAUSTED and self.opens_at == math.inf:
            log.warning("cannot accept connections: %s", error)
            self._make_room()
            self._poller.forget(self._listener.fileno())
            self.opens_at = time.monotonic() + RETRY_ACCEPT_S
