"""One connection: bytes in, requests to the site, bytes out, in order.

    idle --first byte--> reading --complete--> working --answer--> idle ...
                            |                  or answered   |
                            +------- refusal ------------> lingering --> closed

(All states are listed in `connections`.) The way of a request and its answer,
between a connection and whoever drives it:

    connection                 driver                   site
    ready, _take, _advance --> have_answered
    answer             <------ here or in a thread
                       ------------------------------>  answer
    reply              <------------------------------  at once or later
    resume             <------ at the end of the round

Nothing here waits. Whoever drives a connection (`loop`, or a thread of its own
in `threads`) calls `ready` when its socket is, `expire` when its deadline has
passed, and closes the socket once the state is `CLOSED`. A request is complete
in the buffer, head and body, before the site sees it, so no thread of the site
ever waits for a client. Requests that arrive together ("pipelining") are
answered in their order, each with one write.

Every state in which it is the client's turn has a deadline, and deadlines are
absolute: each starts once and a byte now and then does not move it, for that is
how slow clients hold a server without doing anything forbidden.

    idle        15 s   silence between requests; the connection closes quietly
    reading     10 s   for the head, from its first byte; then 408
                10 s   for the body and 1 s more for each KB, 30 at most; 30
                       for one in chunks
    working      -     the site's turn; it keeps bounds of its own
    sending     30 s   for the client to take the answer; then it is closed
    lingering    2 s   see below

A refused request ends its connection: where the next would begin, nobody knows,
and bytes that were not understood must not be answered as a request. Closing at
once would make the kernel answer what is still arriving with a reset, which can
destroy our answer before the client reads it; so the write side closes first,
and what the client still sends is read and dropped (RFC 9112 section 9.6), for
a bounded time and amount.

This module decides nothing about requests: statuses, bodies and headers are the
site's, where requests end is `inbox`'s to find, the bytes are `wire`'s.
"""

import contextlib
import logging
import math
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from authserver import errors, logs
from authserver.web import forwarded, refusals, wire
from authserver.web.connections import (
    ANSWERED,
    CLOSED,
    IDLE,
    LINGERING,
    READING,
    SENDING,
    SHAKING,
    STATE_OF,
    TAKES_REQUESTS,
    Driver,
    Shared,
)
from authserver.web.head import Head
from authserver.web.inbox import Inbox
from authserver.web.messages import Request, Response
from authserver.web.poller import NOTHING

READ_BYTES: Final = 16 * 1024
LINGER_BYTES: Final = 1024 * 1024  # read and dropped behind a refusal, at most
NOT_YET: Final = (BlockingIOError,)  # what a socket says that would have to wait
BODY_BYTES_PER_S: Final = 1000  # slower than this is not honest

log: Final = logging.getLogger("authserver.web")


class Connection:
    """One client's connection, from its first byte to its last."""

    __slots__ = (
        "_began_at",
        "_dropped_bytes",
        "_have_answered",
        "_inbox",
        "_keep",
        "_minor",
        "_shared",
        "_started",
        "_timed",
        "_unsent",
        "deadline",
        "fd",
        "peer",
        "since",
        "socket",
        "state",
        "watched",
    )

    def __init__(
        self,
        client: socket.socket,
        address: str,
        shared: Shared,
        driver: Driver,
    ) -> None:
        """Take over `client`."""
        client.settimeout(0)
        # An answer is one write; waiting for a second would only delay it.
        with contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = client
        self.fd = client.fileno()
        self.peer = forwarded.canonical(address)
        self.state = IDLE
        self.since = time.monotonic()  # when the client's turn began
        self.deadline = self.since + shared.limits.idle_s
        self.watched = NOTHING  # what the loop's poller waits for
        self._shared = shared
        self._have_answered = driver.have_answered
        self._inbox = Inbox()
        self._timed: Head | None = None  # whose body has a deadline already
        self._minor = 1  # of the HTTP/1.x that the client speaks
        self._keep = True  # whether another request may follow
        self._unsent: bytes | memoryview = b""
        self._began_at = self._started = 0.0  # on the wall's clock and ours
        self._dropped_bytes = 0

    # -- what the driver calls

    def ready(self) -> None:
        """Do what the socket is ready for, as far as it goes."""
        if self.state == SENDING:
            self.resume()
            return
        if self.state == ANSWERED:
            return  # what has come keeps until its answer is sent
        try:
            data = self.socket.recv(READ_BYTES)
        except NOT_YET:
            return
        except OSError as error:
            self._end(error)
        else:
            self._take(data)

    def resume(self) -> None:
        """Send what there is to send, then go on with the next request."""
        self._send()
        if self._inbox.buffer:
            self._advance()

    def expire(self) -> None:
        """Give up the client, whose turn it was for too long."""
        if self.state == READING:
            self._refuse(errors.RequestTimeout("head or body"))
        else:
            self.state = CLOSED

    def answer(
        self,
        request: Request,
        reply: Callable[[Response], None],
        *,
        in_steps: bool = False,
    ) -> None:
        """Have the site answer a request; in any thread."""
        logs.request_id.set(request.request_id)
        try:
            self._shared.site.answer(request, reply, in_steps=in_steps)
        except Exception:
            # The site promises not to raise. If it does, one client hears of
            # it, and we live on.
            log.exception(
                "%s %s could not be answered",
                request.method,
                request.path_to_log,
            )
            self._keep = False
            reply(Response(HTTPStatus.INTERNAL_SERVER_ERROR))

    def give_up(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Refuse a request that no thread could begin in time."""
        logs.request_id.set(request.request_id)
        error = errors.Unavailable("no thread was free in time")
        reply(self._shared.site.turn_down(request, error))

    def reply(self, request: Request, response: Response) -> None:
        """Take the site's answer, which `resume` will send; in any thread."""
        if self._shared.draining:
            self._keep = False
        status = int(response.status)
        try:
            data = wire.encode(
                response,
                minor=self._minor,
                keep_alive=self._keep,
                head_only=request.method == "HEAD",
            )
        except Exception:
            # The site promises clean headers. If it breaks the promise, one
            # client gets a bare 500 and we live on.
            log.exception(
                "the answer to %s %s could not be written",
                request.method,
                request.path_to_log,
            )
            self._keep = False
            status, data = 500, refusals.bare_failure()
        self._unsent = data
        self._shared.note(
            (
                self._began_at,
                request.address,
                request.method,
                request.path,
                response.route,
                status,
                len(data),
                time.monotonic() - self._started,
                request.request_id,
            )
        )

    def spare(self) -> None:
        """Be silent at the end of what the client sends; from any thread."""
        self._keep = False  # until a whole request has come all the same

    def drain(self) -> None:
        """Let what has begun finish, and leave the others a last moment to ask.

        A request may be on its way: of a client that has just connected, or of
        a proxy that takes the connection for open. To close at once would lose
        it, and nobody may repeat a POST. Who has begun to ask is told in time
        that it took too long.
        """
        if self.state == READING:
            last = self._shared.finish_until
        elif self.state in (IDLE, SHAKING):
            last = time.monotonic() + self._shared.limits.last_s
        else:
            return
        self.deadline = min(self.deadline, last)

    # -- reading

    def _take(self, data: bytes) -> None:
        if self.state == LINGERING:
            self._dropped_bytes += len(data)
            if not data or self._dropped_bytes >= LINGER_BYTES:
                self.state = CLOSED
        elif data:
            self._inbox.add(data)
            self._advance()
        elif self._keep and self.deadline <= time.monotonic():
            self.expire()  # this end is how a thread learns of that (`threads`)
        elif not self._inbox.blank and self.state != CLOSED and self._keep:
            self._refuse(errors.MalformedRequest("ended early"))
        else:
            self.state = CLOSED

    def _advance(self) -> None:
        """Have the next request answered, if it is complete."""
        if self.state not in TAKES_REQUESTS:
            return
        try:
            found = self._inbox.cut()
        except errors.AuthError as error:
            self._refuse(error)
            return
        if found is None:
            self._wait_for_more()
            return
        self._timed = None
        request = self._request(*found)
        manner = self._shared.site.manner(request)
        self.state = STATE_OF[manner]
        self.deadline = math.inf
        self._have_answered(self, request, manner)

    def _wait_for_more(self) -> None:
        """Give the client time for what is missing of the request."""
        head, limits = self._inbox.head, self._shared.limits
        if head is None:
            if self.state == IDLE and not self._inbox.blank:
                self._enter(READING, limits.head_s)
        elif head is not self._timed:
            self._timed = head  # once: more of a body moves no deadline
            patience_s = limits.body_s
            if head.body_bytes is not None:
                honest_s = limits.head_s + head.body_bytes / BODY_BYTES_PER_S
                patience_s = min(patience_s, honest_s)
            self._enter(READING, patience_s)
            if head.expects_continue:
                self._tell_to_continue()
        if self._shared.draining:
            self.drain()

    def _tell_to_continue(self) -> None:
        # A client that hears nothing goes on after a while (RFC 9110 section
        # 10.1.1); half a line would be taken for the beginning of the answer.
        with contextlib.suppress(OSError):
            if self.socket.send(wire.CONTINUE) < len(wire.CONTINUE):
                self.state = CLOSED

    def _request(self, head: Head, content: bytes) -> Request:
        request_id = refusals.assign_request_id()
        self._shared.proxy_warning.look(self.peer, head.headers)
        self._minor, self._keep = head.minor, head.keep_alive
        self._began_at, self._started = time.time(), time.monotonic()
        return Request(
            head.method,
            head.path,
            head.query,
            head.headers,
            content,
            self._shared.resolver.address(
                self.peer, head.headers.get("x-forwarded-for")
            ),
            request_id,
        )

    # -- writing

    def _send(self) -> None:
        """Send what the kernel takes now, and enter the state that follows."""
        if self.state == CLOSED:
            return
        try:
            sent = self.socket.send(self._unsent)
        except NOT_YET:
            sent = 0
        except OSError as error:
            self._end(error)
            return
        if sent < len(self._unsent):
            # A view: a large answer is not copied with each piece that goes.
            self._unsent = memoryview(self._unsent)[sent:]
            if self.state != SENDING:
                self._enter(SENDING, self._shared.limits.answer_s)
            return
        self._unsent = b""
        if self._keep:
            self._enter(IDLE, self._shared.limits.idle_s)
            if self._shared.draining:  # since its answer was made
                self.drain()
        else:
            self._linger()

    def _refuse(self, error: errors.AuthError) -> None:
        """Answer bytes that never became a request, and end the connection."""
        began_at, request_id = time.time(), refusals.assign_request_id()
        head_only = self._inbox.asks_for_no_body
        data = refusals.written(
            self._shared.site, error, request_id, head_only=head_only
        )
        self._keep = False
        self._unsent = data
        size, status = len(data), int(error.status)
        self._shared.note(
            (began_at, self.peer, "", "", "", status, size, 0.0, request_id)
        )
        self._send()

    def _linger(self) -> None:
        self._inbox = Inbox()
        self._enter(LINGERING, self._shared.limits.linger_s)
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._end(error)

    def _enter(self, state: int, patience_s: float) -> None:
        now = time.monotonic()
        if state != self.state:  # a body is no new turn: its head began it
            self.since = now
        self.state, self.deadline = state, now + patience_s

    def _end(self, error: Exception) -> None:
        # Reset or closed by the client: there is nobody to tell.
        log.debug("connection from %s ended: %s", self.peer, error)
        self.state = CLOSED
