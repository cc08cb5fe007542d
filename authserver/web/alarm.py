"""What wakes the loop: a byte in a socket that the poller watches as well.

Whoever has something for the loop puts it where the loop looks, and rings. A
loop that is at work finds it anyway; one that waits in the poller is woken. One
byte is enough for all who ring until the loop has heard it.
"""

import contextlib
import socket

from authserver.web.poller import READ, Poller


class Alarm:
    """Rung by any thread, heard by the one that waits with `poller`."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        # Sockets, as an object that was closed writes into nobody's file.
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        self._rung = False
        self.fd = self._reader.fileno()

    def watch(self) -> None:
        """Let the poller wake for it."""
        self._poller.watch(self.fd, READ)

    def ring(self) -> None:
        """Wake who waits."""
        if self._rung:
            return
        self._rung = True
        # One that is full wakes as well; one that is closed has nobody to wake.
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def hear(self) -> None:
        """Take what was rung; who has not been heard yet rings anew."""
        # In this order: a byte that was rung in between would be taken with the
        # others, and nobody would ring again.
        self._reader.recv(4096)
        self._rung = False

    def close(self) -> None:
        """Let go of both sockets."""
        self._reader.close()
        self._writer.close()
