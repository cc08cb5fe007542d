"""A connection under TLS: that of `handler`, whose bytes are encrypted.

    socket --> incoming --> OpenSSL --> requests --> handler
    socket <-- outgoing <-- OpenSSL <-- answers  <--

OpenSSL gets two pieces of memory to read and write, and never the socket. So
the loop alone touches sockets here as well, nothing stays behind in OpenSSL
that no poller knows of, and OpenSSL only computes, which any thread may do:

    shaking  --its bytes-->  working  --our bytes-->  shaking  ...  idle
             (the loop)      (a thread)      (the loop)

A handshake takes a signature, up to a millisecond with RSA. It is lent, as is a
request that may wait, but to two threads of its own: a thousand clients who
shake hands at once neither hold up the loop nor occupy the threads that wait
for databases. Who does not get a turn within two seconds is closed. All of a
handshake has the deadline of a head, counted from the connection's beginning,
and costs no memory of OpenSSL before the first byte has come.

Once keys are agreed on, encrypting takes microseconds, and is done at once.

The last answer ends with `close_notify` (RFC 8446 section 6.1): the client can
tell that this is all of it, and nobody has cut it short.

Who speaks plain HTTP here is told so, in clear; whatever else is no TLS is
closed in silence, with no more in the log than a line for who debugs.
"""

import contextlib
import logging
import math
import socket
import ssl
from typing import Final

from authserver import errors
from authserver.web import wire
from authserver.web.certificate import Certificate
from authserver.web.connections import (
    CLOSED,
    IDLE,
    LINGERING,
    SENDING,
    SHAKING,
    TAKES_REQUESTS,
    WORKING,
    Driver,
    Shared,
)
from authserver.web.handler import NOT_YET, Connection

HANDSHAKE: Final = 22  # the first byte of TLS (RFC 8446 section 5.1)
RECORD_BYTES: Final = 16 * 1024  # the most in one record

log: Final = logging.getLogger("authserver.web")


class TlsConnection(Connection):
    """The same over TLS: shakes hands first, then seals what goes out."""

    __slots__ = (
        "_agreed",
        "_certificate",
        "_client_ended",
        "_failure",
        "_in_handshake",
        "_incoming",
        "_lend_handshake",
        "_outgoing",
        "_received",
        "_shake_until",
        "_tls",
    )

    def __init__(
        self,
        certificate: Certificate,
        client: socket.socket,
        address: str,
        shared: Shared,
        driver: Driver,
    ) -> None:
        super().__init__(client, address, shared, driver)
        self.state = SHAKING
        self.deadline = self._shake_until = self.since + shared.limits.head_s
        self._certificate = certificate
        self._lend_handshake = driver.shake
        self._in_handshake = True  # until both sides are done with the handshake
        self._agreed = False  # so far only ours
        self._received = b""  # of the handshake, for OpenSSL
        self._failure: Exception | None = None
        self._client_ended = False  # the client has said that no more will come
        self._tls: ssl.SSLObject | None = None

    # -- the handshake

    def shake(self) -> None:
        """Go on with the handshake as far as it goes; in any thread."""
        try:
            self._open().do_handshake()
            self._agreed = True
        except ssl.SSLWantReadError:
            pass
        except OSError as error:  # as all that OpenSSL says
            self._failure = error
        except Exception as error:
            log.exception("a handshake with %s failed", self.peer)
            self._failure = error
        if self._tls is not None:
            self._unsent = self._outgoing.read()

    def give_up_handshake(self) -> None:
        """Give up a handshake that no thread could go on with in time."""
        self._failure = TimeoutError("no thread was free in time")

    def _open(self) -> ssl.SSLObject:
        """Hand to OpenSSL what has come, and return it."""
        tls = self._tls
        if tls is None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self._tls = self._certificate.context().wrap_bio(
                self._incoming, self._outgoing, server_side=True
            )
        self._incoming.write(self._received)
        self._received = b""
        return tls

    def _take_handshake(self, data: bytes) -> None:
        if not data:
            self.state = CLOSED
        elif self._tls is None and data[0] != HANDSHAKE:
            self._in_handshake = False
            self._inbox.add(data)
            if data.lstrip(b"\r\n")[:1].isalpha():
                self._refuse(errors.TlsExpected(""))
            else:
                self.state = CLOSED
        else:
            self._received = data
            self.state, self.deadline = WORKING, math.inf
            self._lend_handshake(self, self._shake_until)

    def _resume_handshake(self) -> None:
        """Send what it has made, and wait for what it needs."""
        try:
            sent = self.socket.send(self._unsent) if self._unsent else 0
        except NOT_YET:
            sent = 0
        except OSError as error:
            self._end(error)
            return
        self._unsent = self._unsent[sent:]
        self.deadline = self._shake_until
        if self._failure is not None:
            self._end(self._failure)
        elif self._unsent:
            self.state = SENDING
        elif not self._agreed:
            self.state = SHAKING
        else:
            self._in_handshake = False
            self._enter(IDLE, self._shared.limits.idle_s)
            self._take_records(b"")  # a request may have come right behind
        if self._shared.draining:
            self.drain()

    # -- what the driver calls

    def resume(self) -> None:
        """Send what there is to send, then go on with what follows."""
        if self._in_handshake:
            self._resume_handshake()
            return
        super().resume()
        self._heed_end()

    def expire(self) -> None:
        """Give up the client, whose turn it was for too long."""
        idle = self.state == IDLE
        super().expire()
        if idle:
            self._take_leave()

    def drain(self) -> None:
        """Leave a last moment to shake hands, and another to ask.

        Who has begun to shake hands has as long as who has begun to ask.
        """
        if self.state == SHAKING and self._tls is not None:
            self.deadline = min(self.deadline, self._shared.finish_until)
        else:
            super().drain()
        if self.state == SHAKING:
            self._shake_until = self.deadline

    # -- reading

    def _take(self, data: bytes) -> None:
        if self._in_handshake:
            self._take_handshake(data)
        elif not data or self.state == LINGERING:
            super()._take(data)
        else:
            self._take_records(data)

    def _take_records(self, data: bytes) -> None:
        """Decrypt all that is complete, and take it."""
        tls, plain = self._tls, b""
        if tls is None:
            return
        try:
            self._incoming.write(data)
            while self._incoming.pending and not self._client_ended:
                part = tls.read(RECORD_BYTES)
                plain = plain + part if plain else part
                self._client_ended = not part
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            self._send_last(self._outgoing.read())  # it says what was wrong
            self._end(error)
            return
        if self._outgoing.pending:  # as to refuse renegotiation
            self._send_whole(self._outgoing.read())
        if plain and self.state != CLOSED:
            super()._take(plain)
        self._heed_end()

    def _heed_end(self) -> None:
        """Once all is answered that came before it, take the end."""
        if self._client_ended and self.state in TAKES_REQUESTS:
            super()._take(b"")
            if self.state == CLOSED:
                self._take_leave()

    # -- writing

    def _send(self) -> None:
        # In the state of sending, it is the rest of what was sealed before.
        if self.state not in (SENDING, CLOSED):
            try:
                self._unsent = self._seal(self._unsent)
            except OSError as error:
                self._end(error)
                return
        super()._send()

    def _seal(self, data: bytes | memoryview) -> bytes | memoryview:
        """Encrypt bytes, and the end of all bytes if they are the last."""
        tls = self._tls
        if tls is None:  # plain HTTP, refused
            return data
        view, records, at = memoryview(data), [], 0
        while at < len(view):
            at += tls.write(view[at : at + RECORD_BYTES])
            # Piece by piece, as memory that has grown is kept.
            records.append(self._outgoing.read())
        if not self._keep:
            records.append(self._close_notify(tls))
        return b"".join(records)

    def _tell_to_continue(self) -> None:
        self._send_whole(self._seal(wire.CONTINUE))

    def _send_whole(self, data: bytes | memoryview) -> None:
        """Send a few bytes between answers, for which there is always room."""
        try:
            if self.socket.send(data) < len(data):
                raise BrokenPipeError("half a record was sent")
        except OSError as error:
            self._end(error)

    def _close_notify(self, tls: ssl.SSLObject) -> bytes:
        with contextlib.suppress(OSError):  # it would rather wait for the other's
            tls.unwrap()
        return self._outgoing.read()

    def _take_leave(self) -> None:
        """Say that nothing more will come, if that works at once."""
        if self._tls is not None:
            self._send_last(self._close_notify(self._tls))

    def _send_last(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # we close anyway
            self.socket.send(data)
