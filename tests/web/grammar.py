r"""A second reading of HTTP/1.1, to hold the parser to: its grammar in full.

It shares nothing with `authserver.web.head` and is nothing one could serve
with: it wants all bytes at once, and backtracks. What it does have is one
expression that can be laid beside RFC 9112:

    HTTP-message = start-line CRLF *( field-line CRLF ) CRLF      section 2.1
    start-line   = method SP request-target SP HTTP-version       section 3
    field-line   = field-name ":" OWS field-value OWS             section 5

Where the RFC leaves a choice, the strict one is taken: one empty line before
the start line at most, CRLF only, no folding, nothing that frames a message
said twice.
"""

import re
from collections import Counter
from typing import Any, NamedTuple

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
HOST = rb"(?:[\w.~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"
REST = rb"[!-\"$-~]*"  # visible, and no "#"
VALUE = rb"[\t -~\x80-\xff]*"
HEAD = re.compile(
    rb"(?P<empty>\r\n)?"
    rb"(?P<method>" + TOKEN[:-1] + rb"{1,32}) "
    rb"(?:(?P<asterisk>\*)|(?P<origin>/" + REST + rb")"
    rb"|https?://(?P<authority>" + HOST + rb")(?P<absolute>(?:[/?]" + REST + rb")?))"
    rb" HTTP/1\.(?P<minor>[01])\r\n"
    rb"(?P<fields>(?:" + TOKEN + rb":" + VALUE + rb"\r\n)*)\r\n",
    re.IGNORECASE,
)
VERSION = re.compile(rb" HTTP/1\.[01]\r\n")  # this one is spelled one way only
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*(" + VALUE + rb"?)[ \t]*\r\n")
ALONE = (
    *("authorization", "content-length", "content-type", "expect", "host"),
    *("origin", "transfer-encoding"),
)
MAX_HEAD_BYTES, MAX_LINES, MAX_BODY_BYTES = 16_384, 100, 65_536
MAX_ENCODED_BYTES, MAX_SIZE_LINE_BYTES = 131_072, 256
QUOTED = rb'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
EXTENSION = rb"[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN + b"|" + QUOTED
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:" + EXTENSION + rb"))?)*\r\n")


class Reading(NamedTuple):
    """What a head says, as the fields of `Head` are named."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    size: int
    body_bytes: int | None
    minor: int
    keep_alive: bool
    expects_continue: bool


def read(buffer: bytes) -> Reading | None:
    """Return what the head at the start of `buffer` says, None if nothing."""
    match = HEAD.match(buffer)
    if match is None or not VERSION.search(match[0]):
        return None
    lines = [
        (name.decode().lower(), value.decode("latin-1"))
        for name, value in FIELD.findall(match["fields"])
    ]
    size = match.end()
    if size - len(match["empty"] or b"") > MAX_HEAD_BYTES or len(lines) > MAX_LINES:
        return None
    headers: dict[str, str] = {}
    for name, value in lines:
        glue = "; " if name == "cookie" else ", "
        headers[name] = headers[name] + glue + value if name in headers else value
    method, minor = match["method"].decode(), int(match["minor"])
    target = _target(method, match)
    if target is None or not _consistent(lines, headers, minor):
        return None
    if match["authority"]:  # counts instead of Host
        headers["host"] = match["authority"].decode()
    path, _, query = target.partition("?")
    options = [each.strip(" \t") for each in headers.get("connection", "").split(",")]
    lower = [each.lower() for each in options]
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    return Reading(
        *(method, path, query, headers, size),
        body_bytes=None if coding else int(length or 0),
        minor=minor,
        keep_alive="close" not in lower and (minor == 1 or "keep-alive" in lower),
        expects_continue=minor == 1 and "expect" in headers,
    )


def _target(method: str, match: re.Match[bytes]) -> str | None:
    if method == "CONNECT":
        return None
    if match["asterisk"]:
        return "*" if method == "OPTIONS" else None
    if match["origin"]:
        return match["origin"].decode()
    rest = match["absolute"].decode()
    if not rest and method == "OPTIONS":
        return "*"
    return rest if rest.startswith("/") else "/" + rest


def _consistent(
    lines: list[tuple[str, str]], headers: dict[str, str], minor: int
) -> bool:
    seen = Counter(name for name, _ in lines)
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    host, expectation = headers.get("host"), headers.get("expect")
    return not (
        any(seen[name] > 1 for name in ALONE)
        or (host is None and minor == 1)
        or (host is not None and not re.fullmatch(HOST, host.encode("latin-1")))
        or (length is not None and not re.fullmatch(r"[0-9]{1,19}", length))
        or (length is not None and int(length) > MAX_BODY_BYTES)
        or (coding is not None and (minor == 0 or coding.lower() != "chunked"))
        or (coding is not None and length is not None)
        or (expectation is not None and minor and expectation.lower() != "100-continue")
    )


def read_chunks(buffer: bytes) -> tuple[bytes, int] | None:
    """Return the content of a chunked body, and its end; None if none ends."""
    content, at = b"", 0
    while line := CHUNK.match(buffer, at):
        size, data = int(line[1], 16), line.end()
        if size + len(content) > MAX_BODY_BYTES or data + size > MAX_ENCODED_BYTES:
            return None
        if len(line[0]) > MAX_SIZE_LINE_BYTES:
            return None
        if buffer[data + size : data + size + 2] != b"\r\n":
            return None
        content, at = content + buffer[data : data + size], data + size + 2
        if size == 0:
            return content, at
    return None


def written(head: Any) -> bytes:
    """Return the canonical spelling of a head."""
    target = f"{head.path}?{head.query}" if head.query else head.path
    lines = [f"{head.method} {target} HTTP/1.{head.minor}"]
    lines += [f"{name}: {value}" for name, value in head.headers.items()]
    return "\r\n".join((*lines, "\r\n")).encode("latin-1")
