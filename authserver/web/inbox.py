r"""What a client has sent and nobody has answered yet. No sockets here.

    add("POST /a HTTP/1.1\r\n...")   cut() -> None, as the body is to come
    add("hel")                       cut() -> None
    add("lo" "GET /b HTTP/1.1...")   cut() -> (head, "hello")
                                     cut() -> (head, "")
                                     cut() -> None

Bytes come in packets that know nothing of requests: one may hold half of a
request, or two and a half ("pipelining"). They are put together here and cut
where requests end (RFC 9112 section 6), which `head` and `framing` find.

A request is cut only when it is complete, head and body. What is judged is the
same however the bytes were divided. And a client who sends one byte at a time
does not have us look at all of them each time: they are only copied, which for
as many as a request may have takes about as long as receiving one.
"""

from typing import Final

from authserver.web.framing import Body
from authserver.web.head import Head, can_decide, parse

MAX_REMEMBERED_BYTES: Final = 1024  # of a head: ten thousand may be idle
# The empty line that some clients send after a body (`head`) begins nothing.
BLANK: Final = (b"", b"\r", b"\r\n")


class Inbox:
    """The bytes of one connection, and the request that they begin."""

    __slots__ = ("_body", "_latest", "_seen_bytes", "buffer", "head")

    def __init__(self) -> None:
        self.buffer = b""
        self.head: Head | None = None  # of a request whose body is to come
        self._body: Body | None = None
        self._seen_bytes = 0  # of the buffer, with no head in them yet
        self._latest: tuple[bytes, Head] | None = None  # a head and its bytes

    def add(self, data: bytes) -> None:
        """Put what has come behind what there is."""
        self.buffer = self.buffer + data if self.buffer else data

    @property
    def blank(self) -> bool:
        """Whether no request has begun."""
        return self.buffer in BLANK

    @property
    def asks_for_no_body(self) -> bool:
        """Whether it is a HEAD that has begun, be it as malformed as it is."""
        return self.buffer.removeprefix(b"\r\n").startswith(b"HEAD ")

    def cut(self) -> tuple[Head, bytes] | None:
        """Return the next request, head and body, once it is complete.

        Raises what refuses it: see `head.parse` and `framing.Body.content`.
        """
        head = self.head
        if head is None:
            head = self._parsed()
            if head is None:
                return None
            if head.body_bytes == 0:
                self.buffer = self.buffer[head.size :]
                return head, b""
            self.head = head
        body = self._body
        if body is None:
            body = self._body = Body(head.size, head.body_bytes)
        content = body.content(self.buffer)
        if content is None:
            return None
        self.buffer = self.buffer[body.end :]
        self.head = self._body = None
        return head, content

    def _parsed(self) -> Head | None:
        """Return the head in the buffer, None while it is incomplete."""
        buffer, latest, seen = self.buffer, self._latest, self._seen_bytes
        # Programs ask the same again and again, and the same bytes are the same
        # head. Only what has no body is kept: bodies hold passwords.
        self._seen_bytes = 0
        if latest is not None and buffer == latest[0]:
            return latest[1]
        if seen and not can_decide(buffer, seen):
            self._seen_bytes = len(buffer)
            return None
        head = parse(buffer)
        if head is None:
            self._seen_bytes = len(buffer)
            return None
        whole = head.size == len(buffer) and head.body_bytes == 0
        if whole and head.size <= MAX_REMEMBERED_BYTES:
            self._latest = buffer, head
        return head
