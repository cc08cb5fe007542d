r"""The head of a request: bytes in, `Head` or a refusal out. No sockets here.

    POST /auth/login?next=1 HTTP/1.1\r\n      request line: three parts
    Host: auth.example.org\r\n                field line:   name, colon, value
    Content-Length: 42\r\n
    \r\n                                      the empty line ends the head

Between a browser and us stands a proxy that reads the same bytes. Wherever the
two could disagree on where one request ends, a stranger can hide a second
request inside the first ("request smuggling"). So this parser has one reading
of every byte or none: what the grammar of RFC 9112 leaves to taste, it refuses.

* Lines end in CRLF. RFC 9112 section 2.2 would let us take a bare LF; a proxy
  that does not would see other lines than we do.
* A header that decides something alone must be alone: two Content-Length, Host
  or Authorization headers are refused, even when they agree.
* Content-Length together with Transfer-Encoding is refused (section 6.3).
* Nothing is repaired, and nothing is decoded: path and query stay as sent.

The verdict never depends on how the bytes were cut into packets: whatever is
refused before the head is complete is also refused, for the same reason, after.
A refusal is final, as nobody can tell where the next request would begin.

Limits: 16 KiB and 100 field lines for a head, 64 KiB for a body, which is
judged here by its announced length, before any of it is read.
"""

import re
from typing import Final, NamedTuple, NoReturn

from authserver import errors

MAX_HEAD_BYTES = 16 * 1024  # browsers and proxies send 1 to 8 KiB
MAX_FIELD_LINES = 100  # bounds the work per request; browsers send about 20
MAX_METHOD_CHARS = 32  # the longest that is registered has 17
MAX_BODY_BYTES = 64 * 1024  # our largest body, a registration, is below 2 KiB
MAX_LENGTH_DIGITS = 19  # of Content-Length: 64 bits, as in everybody's parser

_END: Final = b"\r\n\r\n"
_TCHAR: Final = r"!#$%&'*+.^_`|~0-9A-Za-z-"  # RFC 9110 section 5.6.2
TOKEN: Final = re.compile(rf"[{_TCHAR}]+")
_USUAL_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_ABSOLUTE: Final = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
# Narrower than RFC 3986: a comma or "@" in a host helps nobody but an attacker.
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"
)
_VERSION: Final = re.compile(r"HTTP/[0-9]\.[0-9]")
# RFC 9110 section 5.5: visible characters, obs-text, space and tab.
_TEXT: Final = bytes([9, *range(32, 127), *range(128, 256)])
_FIRST: Final = frozenset(b"\r") | {c for c in range(33, 127) if TOKEN.match(chr(c))}

# Headers that mean something only once.
_SINGLE: Final = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "expect",
        "host",
        "origin",
        "transfer-encoding",
    }
)
# Names as browsers, proxies and programs spell them: found here, a name needs
# neither check nor lower-casing.
_USUAL: Final = """
    Accept Accept-Encoding Accept-Language Authorization Cache-Control Connection
    Content-Length Content-Type Cookie DNT Expect Forwarded Host If-None-Match
    Origin Pragma Priority Referer Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site
    Sec-Fetch-User TE Transfer-Encoding Upgrade-Insecure-Requests User-Agent
    X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Real-IP X-Request-Id
"""
_KNOWN: Final = {
    spelling: name.lower()
    for name in _USUAL.split()
    for spelling in (name, name.lower())
}


class Head(NamedTuple):
    """A request line and its headers, judged and taken apart."""

    method: str
    path: str  # "*" for OPTIONS *
    query: str  # without the question mark
    headers: dict[str, str]  # names in lower case
    size: int  # bytes of the buffer that the head takes up
    body_bytes: int | None  # None: chunked
    minor: int  # 0 or 1, of HTTP/1.x
    keep_alive: bool
    expects_continue: bool


def can_decide(buffer: bytes, seen: int) -> bool:
    """Tell whether `parse` must look again, after `seen` bytes told it nothing.

    Looking again for each packet would cost a stranger who sends single bytes
    nothing, and us the square of their number.
    """
    if seen < 3 or len(buffer) >= MAX_HEAD_BYTES:  # the first byte, or one too many
        return True
    overlap = len(_END) - 1
    tail = buffer[seen - overlap :]
    # The empty line, or an LF among the new bytes without a CR before it.
    line_feeds = tail.count(b"\n", overlap)
    return _END in tail or tail.count(b"\r\n", overlap - 1) != line_feeds


def parse(buffer: bytes) -> Head | None:
    """Return the head at the start of `buffer`, or None while it is incomplete.

    Raises `MalformedRequest`, `TargetTooLong`, `HeadTooLarge`, `BodyTooLarge`,
    `UnsupportedVersion`, `UnknownTransferCoding` or `ExpectationFailed`.
    """
    found = _lines(buffer)
    if found is None:
        return None
    lines, size = found
    method, path, query, minor, authority = _request_line(lines[0])
    headers = _headers(lines)
    if minor and "host" not in headers:
        raise errors.MalformedRequest("no Host")
    check_host(headers.get("host"))
    if authority:  # which counts instead of Host (RFC 9112 section 3.2.2)
        headers["host"] = authority
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    connection, expectation = headers.get("connection"), headers.get("expect")
    return Head(
        method,
        path,
        query,
        headers,
        size,
        _body_bytes(coding, length, minor),
        minor,
        minor == 1 if connection is None else _keep_alive(connection, minor),
        expectation is not None and _expects_continue(expectation, minor),
    )


def _lines(buffer: bytes) -> tuple[list[str], int] | None:
    """Return the lines of the head without its end, and its size with it."""
    # RFC 9112 section 2.2: some old clients send an empty line after a body.
    start = 2 if buffer[:2] == b"\r\n" else 0
    end = buffer.find(_END, start, start + MAX_HEAD_BYTES)
    data = buffer[start : end if end >= 0 else start + MAX_HEAD_BYTES]
    # These two are refused as soon as they are seen: whoever speaks TLS here,
    # or ends lines in LF, would else wait for an answer until the deadline.
    if data and data[0] not in _FIRST:
        raise errors.MalformedRequest("no method at the start")
    if end < 0:
        if data.count(b"\n") != data.count(b"\r\n"):
            raise errors.MalformedRequest("bare LF")
        if len(data) == MAX_HEAD_BYTES:
            if b"\n" not in data:  # RFC 9112 section 3
                raise errors.TargetTooLong("no end of the request line")
            raise errors.HeadTooLarge("too many bytes")
        return None
    lines = data.decode("latin-1").split("\r\n")
    breaks = len(lines) - 1
    # What is left of a head without its text: a CR and an LF for each break.
    controls = data.translate(None, _TEXT)
    if len(controls) != 2 * breaks or breaks > MAX_FIELD_LINES:
        _refuse_lines(controls, breaks)
    return lines, end + len(_END)


def _refuse_lines(controls: bytes, breaks: int) -> NoReturn:
    if controls.count(b"\n") != breaks:
        raise errors.MalformedRequest("bare LF")
    if breaks > MAX_FIELD_LINES:
        raise errors.HeadTooLarge("too many lines")
    if controls.count(b"\r") != breaks:
        raise errors.MalformedRequest("bare CR")
    raise errors.MalformedRequest("control character")


def _request_line(line: str) -> tuple[str, str, str, int, str]:
    """Return method, path, query, minor version and the target's authority."""
    parts = line.split(" ")
    if len(parts) != 3:
        raise errors.MalformedRequest("request line is not three parts")
    method, target, version = parts
    if method not in _USUAL_METHODS:
        check_method(method)
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        if _VERSION.fullmatch(version):  # also 1.2, which nobody has defined
            raise errors.UnsupportedVersion(version)
        raise errors.MalformedRequest("no HTTP version")
    # No form of target has a fragment (RFC 9112 section 3.2): a proxy's path
    # rule might end at "#" where ours goes on.
    if not (target.isascii() and target.isprintable()) or "#" in target:
        raise errors.MalformedRequest("target is not printable ASCII")
    authority = ""
    if not target.startswith("/") or method == "CONNECT":
        target, authority = _reduced(method, target)
    path, _, query = target.partition("?")
    return method, path, query, int(version[-1]), authority


def check_method(method: str) -> None:
    """Raise what refuses a method that is none."""
    if not TOKEN.fullmatch(method):
        raise errors.MalformedRequest("method is not a token")
    # It goes into the log, where a long line would tear those of others.
    if len(method) > MAX_METHOD_CHARS:
        raise errors.MalformedRequest("method is too long")


def _reduced(method: str, target: str) -> tuple[str, str]:
    """Return the origin form of an absolute target, and its authority."""
    if method == "OPTIONS" and target == "*":
        return target, ""
    absolute = _ABSOLUTE.fullmatch(target)
    # CONNECT asks for a tunnel to host:port, in whatever form.
    if absolute is None or method == "CONNECT":
        raise errors.MalformedRequest("target is neither path nor http URL")
    authority, rest = absolute.groups()
    if not _HOST.fullmatch(authority):
        raise errors.MalformedRequest("bad host in the target")
    if not rest and method == "OPTIONS":
        return "*", authority  # section 3.2.4
    return rest if rest.startswith("/") else "/" + rest, authority


def _headers(lines: list[str]) -> dict[str, str]:
    """Return the fields of a head's lines, whose first is the request line."""
    headers: dict[str, str] = {}
    for line in lines[1:]:
        raw_name, colon, value = line.partition(":")
        name = _KNOWN.get(raw_name)
        if name is None or not colon:
            name = _checked_name(raw_name, colon)
        value = value.strip(" \t")
        if name in headers:
            value = _joined(name, headers[name], value)
        headers[name] = value
    return headers


def _checked_name(raw_name: str, colon: str) -> str:
    if raw_name[:1] in (" ", "\t"):
        # An obsolete folded line (RFC 9112 section 5.2) belongs to the one
        # above for some parsers and is a header of its own for others.
        raise errors.MalformedRequest("folded header")
    if not colon:
        raise errors.MalformedRequest("header without a colon")
    # Catches blanks before the colon as well: "Content-Length : 5" is one
    # header to some and none to others (section 5.1).
    if not TOKEN.fullmatch(raw_name):
        raise errors.MalformedRequest("header name is not a token")
    return raw_name.lower()


def _joined(name: str, first: str, second: str) -> str:
    if name in _SINGLE:
        raise errors.MalformedRequest(f"second {name}")
    return f"{first}; {second}" if name == "cookie" else f"{first}, {second}"


def check_host(host: str | None) -> None:
    """Raise `MalformedRequest` for a Host that is none."""
    if host is not None and not _HOST.fullmatch(host):
        raise errors.MalformedRequest("bad Host")


def _body_bytes(coding: str | None, length: str | None, minor: int) -> int | None:
    """Return how long the body is, None for chunked (RFC 9112 section 6.3)."""
    if coding is None:
        return 0 if length is None else announced(length)
    if length is not None:
        raise errors.MalformedRequest("both Transfer-Encoding and Content-Length")
    if minor == 0:
        raise errors.MalformedRequest("Transfer-Encoding in HTTP/1.0")
    if coding.lower() != "chunked":
        _refuse_coding(coding.lower())
    return None


def _refuse_coding(coding: str) -> NoReturn:
    *others, last = [each.strip(" \t") for each in coding.split(",")]
    # Without one "chunked", and that the last, nobody knows where it ends. (An
    # empty element means nothing, and is what nobody honest sends here.)
    if last != "chunked" or "chunked" in others or "" in others:
        raise errors.MalformedRequest("Transfer-Encoding does not end in chunked")
    raise errors.UnknownTransferCoding("not chunked alone")  # section 6.1


def announced(length: str) -> int:
    """Return what a Content-Length says, or raise what refuses it."""
    # isdigit() alone would let in digits of other scripts, and int() signs,
    # blanks and underscores.
    if not (length.isascii() and length.isdigit()):
        raise errors.MalformedRequest("Content-Length is not digits")
    if len(length) > MAX_LENGTH_DIGITS:
        raise errors.MalformedRequest("Content-Length is too long a number")
    if int(length) > MAX_BODY_BYTES:
        raise errors.BodyTooLarge("announced")
    return int(length)


def _keep_alive(connection: str, minor: int) -> bool:
    options = {option.strip(" \t") for option in connection.lower().split(",")}
    return "close" not in options and (minor == 1 or "keep-alive" in options)


def _expects_continue(expectation: str, minor: int) -> bool:
    if minor == 0:
        return False  # RFC 9110 section 10.1.1: to be ignored in HTTP/1.0
    if expectation.lower() != "100-continue":
        raise errors.ExpectationFailed("not 100-continue")
    return True
