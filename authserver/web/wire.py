"""A response as bytes: status line, headers, body.

    HTTP/1.1 200 OK
    Date: Sat, 31 Jan 2026 09:30:00 GMT
    Server: authserver
    Content-Type: application/json
    Content-Length: 16
    X-Request-Id: 5f0c...                 headers of the site follow ours

    {"status":"ok"}

The site decides status, payload and headers; the framing -- what tells a client
where this response ends and what becomes of the connection -- is written here
and nowhere else (RFC 9112 section 6).

Header values may carry text that came from outside. A line break in one would
end the header and begin another of a stranger's choice ("response splitting"),
so line breaks are counted once all is joined: one more or less than we wrote,
or a NUL, or a character outside Latin-1, and the response is a bug.
"""

import email.utils
import functools
import time
from http import HTTPStatus
from typing import Final

from authserver import compact
from authserver.web.messages import Header, Response

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES: Final = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}" for status in HTTPStatus
}
_FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "date",
        "server",
        "transfer-encoding",
    }
)
_BREAKS_AT_START: Final = 2  # inside of what `_beginning` returns
# RFC 9110 section 6.4.1: these end with their headers.
_BODILESS: Final = frozenset({204, 304})


def encode(
    response: Response, *, minor: int = 1, keep_alive: bool, head_only: bool = False
) -> bytes:
    """Return the bytes of `response` to a client that speaks HTTP/1.`minor`.

    `head_only` answers a HEAD request: the headers of the whole response, and
    no body. Raises `ValueError` or `TypeError` for what must not be sent.
    """
    body = response.body
    if response.payload is not None:
        # The line end is for people: answers of curl do not run together.
        body = compact.json(response.payload).encode("ascii") + b"\n"
    status = int(response.status)
    lines = [_beginning(status, int(time.time()))]
    if status in _BODILESS:
        body = b""
    else:
        kind, size = response.content_type, len(body)
        lines += (f"Content-Type: {kind}", f"Content-Length: {size}")
    if not keep_alive:
        lines.append("Connection: close")
    elif minor == 0:
        lines.append("Connection: keep-alive")
    for name, value in response.headers:
        lines.append(f"{_checked(name)}: {value}")
    head = _joined(lines, _BREAKS_AT_START) + _standing(response.standing) + b"\r\n"
    return head if head_only else head + body


def _joined(lines: list[str], breaks_inside: int = 0) -> bytes:
    """Return the lines, each with its end."""
    text = "\r\n".join((*lines, ""))
    breaks = len(lines) + breaks_inside
    if text.count("\r") != breaks or text.count("\n") != breaks or "\0" in text:
        raise ValueError("line break or NUL in a response header")
    return text.encode("latin-1")


@functools.lru_cache(maxsize=8)
def _standing(headers: tuple[Header, ...]) -> bytes:
    return _joined([f"{_checked(name)}: {value}" for name, value in headers])


@functools.lru_cache(maxsize=8)
def _beginning(status: int, second: int) -> str:
    """Return the first lines, which are the same for a whole second."""
    date = email.utils.formatdate(second, usegmt=True)  # RFC 9110 section 5.6.7
    return f"{_STATUS_LINES[status]}\r\nDate: {date}\r\nServer: authserver"


@functools.lru_cache(maxsize=256)  # names are constants of the site
def _checked(name: str) -> str:
    if name.lower() in _FRAMING:
        raise ValueError(f"{name} is written by the HTTP core")
    return name
