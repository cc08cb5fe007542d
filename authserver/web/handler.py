"""One connection: bytes in, requests to the site, bytes out, in order.

    idle --first byte--> head --complete--> body --complete--> site --> answer
      ^                                                                   |
      +------------------------- keep-alive ------------------------------+

A request is complete in the buffer, head and body, before the site sees it, so
no thread of the site ever waits for a client. Requests that arrive together
("pipelining") are answered in their order, each with one write.

Every wait has a deadline, and deadlines are absolute: each starts once and a
byte now and then does not move it, for that is how slow clients hold a server
without doing anything forbidden. Real time passes on sockets, so they are
measured on the monotonic clock of the machine.

    idle     15 s   silence between requests; the connection closes quietly
    head     10 s   from its first byte; then 408
    body     30 s   from the end of the head; then 408
    answer   30 s   for the client to take it; then the connection closes
    linger    2 s   see below

A refused request ends its connection: where the next would begin, nobody knows,
and bytes that were not understood must not be answered as a request. Closing at
once would make the kernel answer what is still arriving with a reset, which can
destroy our answer before the client reads it; so the write side closes first,
and what the client still sends is read and dropped (RFC 9112 section 9.6), for
a bounded time and amount.

This module decides nothing about requests: statuses, bodies and headers are the
site's, the grammar is `head`'s and `framing`'s, the bytes are `wire`'s.
"""

import logging
import socket
import socketserver
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from authserver import errors, logs, tokens
from authserver.web import forwarded, head, wire
from authserver.web.framing import Body
from authserver.web.head import Head
from authserver.web.messages import Request, Response

if TYPE_CHECKING:
    from authserver.web.server import Server

READ_BYTES = 16 * 1024  # a thread that waits holds a buffer of this size
LINGER_BYTES = 1024 * 1024  # read and dropped behind a refusal, at most

log: Final = logging.getLogger("authserver.web")


class Limits(NamedTuple):
    """How long a client may take, and how many may come at once."""

    idle_s: float = 15
    head_s: float = 10
    body_s: float = 30
    answer_s: float = 30
    linger_s: float = 2
    connections: int = 1_000  # a thread each; 24 to 35 KiB when idle


class Site(Protocol):
    """What answers requests. Neither method raises."""

    def respond(self, request: Request) -> Response:
        """Answer a request."""
        ...

    def refuse(self, error: errors.AuthError, request_id: str) -> Response:
        """Word the refusal of bytes that never became a request."""
        ...


class Handler(socketserver.BaseRequestHandler):
    """Serves one connection from its first byte to its last."""

    request: socket.socket  # the standard library's name for the connection
    server: "Server"

    def setup(self) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()
        self._peer = forwarded.client_address(self.client_address[0], None, ())
        self._limits = self.server.limits
        self._connections = self.server.connections

    def handle(self) -> None:
        """Serve request after request until one of the sides has had enough."""
        try:
            # An answer is one write; waiting for a second would only delay it.
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._exchange():
                pass
        except OSError as error:
            # Reset, closed or too slow to read: there is nobody to tell.
            log.debug("connection from %s ended: %s", self._peer, error)

    def _exchange(self) -> bool:
        """Serve one request; return whether another may follow."""
        try:
            received = self._receive()
        except errors.AuthError as error:
            self._refuse(error)
            return False
        return received is not None and self._answer(*received)

    # -- reading

    def _receive(self) -> tuple[Head, bytes] | None:
        """Return the next request, None when no other comes."""
        if not self._buffer and not self._first_byte():
            return None
        deadline = time.monotonic() + self._limits.head_s
        while (request_head := head.parse(self._buffer)) is None:
            self._read_more(deadline)
        if request_head.body_bytes == 0:
            del self._buffer[: request_head.size]
            return request_head, b""
        return request_head, self._receive_body(request_head)

    def _receive_body(self, request_head: Head) -> bytes:
        deadline = time.monotonic() + self._limits.body_s
        body = Body(request_head.size, request_head.body_bytes)
        content = body.content(self._buffer)
        if content is None and request_head.expects_continue:
            self._send(wire.CONTINUE)
        while content is None:
            self._read_more(deadline)
            content = body.content(self._buffer)
        del self._buffer[: body.end]
        return content

    def _first_byte(self) -> bool:
        if not self._connections.idle(self.request):
            return False
        try:
            arrived = self._read(time.monotonic() + self._limits.idle_s)
        except TimeoutError:
            return False
        # At once: what is idle may be closed, what has begun is finished.
        return arrived and self._connections.waiting(self.request)

    def _read_more(self, deadline: float) -> None:
        self._connections.waiting(self.request)
        try:
            arrived = self._read(deadline)
        except TimeoutError as error:
            raise errors.RequestTimeout("head or body") from error
        if not arrived:
            if not self._connections.waiting(self.request):
                raise ConnectionAbortedError("closed by our own side")
            raise errors.MalformedRequest("ended early")

    def _read(self, deadline: float) -> bool:
        """Append what arrives until `deadline`; return False at the end."""
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self.request.settimeout(remaining_s)
        data = self.request.recv(READ_BYTES)
        self._buffer += data
        return bool(data)

    # -- answering

    def _answer(self, request_head: Head, body: bytes) -> bool:
        """Let the site answer; return whether the connection stays open."""
        began_at, started = time.time(), time.monotonic()
        if not self._connections.working(self.request):
            return False
        self.server.proxy_warning.look(self._peer, request_head.headers)
        request = Request(
            request_head.method,
            request_head.path,
            request_head.query,
            request_head.headers,
            body,
            forwarded.client_address(
                self._peer,
                request_head.headers.get("x-forwarded-for"),
                self.server.trusted_proxies,
            ),
            new_request_id(),
        )
        response, keep_alive, data = self._encoded(request, request_head)
        try:
            self._send(data)
        finally:
            self.server.note(
                (
                    began_at,
                    request.address,
                    request.method,
                    request.path,
                    response.route,
                    int(response.status),
                    len(data),
                    time.monotonic() - started,
                    request.request_id,
                )
            )
        if not keep_alive:
            self._linger()
        return keep_alive

    def _encoded(
        self, request: Request, request_head: Head
    ) -> tuple[Response, bool, bytes]:
        """Return response, whether the connection stays open, and the bytes."""
        try:
            response = self.server.site.respond(request)
            keep_alive = request_head.keep_alive and not self._connections.draining
            data = wire.encode(
                response,
                minor=request_head.minor,
                keep_alive=keep_alive,
                head_only=request.method == "HEAD",
            )
        except Exception:
            # The site promises not to raise and to send clean headers. If it
            # breaks either promise, one client gets a bare 500 and we live on.
            log.exception("%s %s could not be answered", request.method, request.path)
            failure = Response(HTTPStatus.INTERNAL_SERVER_ERROR)
            return failure, False, _bare_failure()
        return response, keep_alive, data

    def _refuse(self, error: errors.AuthError) -> None:
        """Answer bytes that never became a request, and end the connection."""
        began_at, started = time.time(), time.monotonic()
        request_id = new_request_id()
        data = refusal(self.server.site, error, request_id)
        try:
            self._send(data)
        finally:
            took_s, status = time.monotonic() - started, int(error.status)
            self.server.note(
                (
                    began_at,
                    self._peer,
                    "",
                    "",
                    "",
                    status,
                    len(data),
                    took_s,
                    request_id,
                )
            )
        self._linger()

    def _send(self, data: bytes) -> None:
        deadline = time.monotonic() + self._limits.answer_s
        self.request.settimeout(self._limits.answer_s)
        sent = self.request.send(data)
        if sent < len(data):
            # The kernel's buffer is full of answers the client has not read.
            self._connections.waiting(self.request)
            self.request.settimeout(max(0.001, deadline - time.monotonic()))
            self.request.sendall(data[sent:])  # the timeout is for all of it

    def _linger(self) -> None:
        # First, so that our place can be had by whoever comes once we closed.
        self._connections.waiting(self.request)
        self.request.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + self._limits.linger_s
        dropped_bytes = 0
        self._buffer.clear()
        while dropped_bytes < LINGER_BYTES and self._read(deadline):
            dropped_bytes += len(self._buffer)
            self._buffer.clear()


def refusal(site: Site, error: errors.AuthError, request_id: str) -> bytes:
    """Return the answer to what never became a request; it closes."""
    try:
        return wire.encode(site.refuse(error, request_id), keep_alive=False)
    except Exception:
        log.exception("a refusal could not be written")
        return _bare_failure()


def new_request_id() -> str:
    """Draw the id of a request, and let its log lines have it."""
    request_id = tokens.request_id()
    logs.request_id.set(request_id)
    return request_id


def _bare_failure() -> bytes:
    return wire.encode(Response(HTTPStatus.INTERNAL_SERVER_ERROR), keep_alive=False)
