"""Connections that end in time: what sending by mail and by Twilio share.

A timeout of a socket counts from the last byte. A server that sends one now and
then resets it for ever, and with it holds a thread, a place and a message. So
time is bounded twice, absolutely: `connect` returns or raises within its time
for all addresses of a host together, and a `Watchdog` shuts a connection down
when the conversation's time is over, whoever waits on it, in the TLS handshake
too. TLS trusts the system's authorities (SSL_CERT_FILE names others), compares
the host's name, and is at least version 1.2.

Looking up a name is not bounded here: the system's resolver has timeouts of its
own, and nothing can interrupt it.
"""

import contextlib
import socket
import ssl
import threading
import time
from typing import Self

GRACE_S = 1.0  # by which the watchdog, which knows the reason, comes first


def tls_context() -> ssl.SSLContext:
    """Return what encrypts connections to servers that we verify."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connect(host: str, port: int, *, within_s: float) -> socket.socket:
    """Connect to one of the host's addresses; raises `OSError`.

    Each address may take half of the time that is left, so that one that does
    not answer leaves some for the next.
    """
    until = time.monotonic() + within_s
    failure: OSError = TimeoutError("timed out")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for others, (*_, address) in zip(reversed(range(len(found))), found, strict=True):
        left_s = max(until - time.monotonic(), 0.01)
        try:
            return socket.create_connection(
                (str(address[0]), port), left_s / 2 if others else left_s
            )
        except OSError as error:
            failure = error
    raise failure


class Watchdog:
    """Shuts a socket down when its time is over, whoever waits on it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bitten = False
        self._cleanup = contextlib.ExitStack()

    def connect(
        self, host: str, port: int, *, within_s: float, tls: ssl.SSLContext | None
    ) -> socket.socket:
        """Connect, encrypted if there is `tls`, and start counting.

        Raises `OSError`.
        """
        connection = connect(host, port, within_s=within_s)
        try:
            self._guard(connection)
            connection.settimeout(self._seconds + GRACE_S)
            if tls is None:
                return connection
            return tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    def explain(self, error: Exception) -> Exception:
        """Return what was wrong: `error`, unless it came of the shutting down.

        That looks to whoever waits as if the other side had hung up.
        """
        if not self._bitten:
            return error
        return TimeoutError(f"no answer within {self._seconds:g} s")

    def _guard(self, connection: socket.socket) -> None:
        # A second handle, because TLS replaces the first one; shutting down
        # either ends the connection for both.
        handle = self._cleanup.enter_context(connection.dup())
        timer = threading.Timer(self._seconds, self._bite, (handle,))
        timer.daemon = True
        timer.start()
        self._cleanup.callback(timer.join)  # not while it bites, nor later
        self._cleanup.callback(timer.cancel)

    def _bite(self, connection: socket.socket) -> None:
        self._bitten = True
        with contextlib.suppress(OSError):  # closed by the other side already
            connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()
