r"""Response splitting: a CR and LF in what we repeat begin a header of theirs.

Python's stock handler writes `send_header("Location", "/x\r\nSet-Cookie: ...")`
as it stands. Every place of a request that could come back is tried with line
breaks, bare and encoded; the raw answer has our headers, each on its line, and
nothing else.
"""

import re

import pytest

HEADER_NAMES = {
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "date",
    "referrer-policy",
    "retry-after",
    "server",
    "strict-transport-security",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-request-id",
}
CLOSE = "Connection: close\r\n\r\n"
BREAKS = (
    "%0d%0aSet-Cookie:%20evil=1",
    "%0aSet-Cookie:%20evil=1",
    "%E5%98%8A%E5%98%8DSet-Cookie:%20evil=1",
    "\\r\\nSet-Cookie: evil=1",
    "\rSet-Cookie: evil=1",
    "\nSet-Cookie: evil=1",
    "\r\n Set-Cookie: evil=1",
    "\x85Set-Cookie: evil=1",
    "\0Set-Cookie: evil=1",
)
PLACES = (
    "GET /{} HTTP/1.1\r\nHost: x\r\n",
    "GET /sessions/{} HTTP/1.1\r\nHost: x\r\n",
    "GET /problems/{} HTTP/1.1\r\nHost: x\r\n",
    "GET /?next={} HTTP/1.1\r\nHost: x\r\n",
    "GET{} / HTTP/1.1\r\nHost: x\r\n",
    "GET / HTTP/1.1\r\nHost: x{}\r\n",
    "GET /auth/me HTTP/1.1\r\nHost: x\r\nX-Request-Id: 1{}\r\n",
    "GET /auth/me HTTP/1.1\r\nHost: x\r\nOrigin: https://x{}\r\n",
    "GET /auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x{}\r\n",
    "GET /auth/me HTTP/1.1\r\nHost: x\r\nCookie: __Host-session=x{}\r\n",
    "GET /auth/me HTTP/1.1\r\nHost: x\r\nUser-Agent: x{}\r\n",
)


def header_names(received: bytes) -> list[str]:
    """The header names of all answers, as a lenient client sees them."""
    names = []
    for answer in received.split(b"HTTP/1.1 ")[1:]:
        head = re.split(rb"\r?\n\r?\n", answer)[0].decode("latin-1")
        lines = re.split(r"[\r\n\x85]+", head)[1:]
        names += [line.partition(":")[0].lower() for line in lines]
    return names


@pytest.mark.parametrize("place", PLACES)
def test_no_line_break_of_a_request_becomes_one_of_ours(wire, place):
    answers = {
        text: wire.send((place.format(text) + CLOSE).encode("latin-1"))
        for text in BREAKS
    }

    assert all(answer.startswith(b"HTTP/1.1 ") for answer in answers.values())
    assert all(set(header_names(each)) <= HEADER_NAMES for each in answers.values())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/register", b'{"username": "bob\\r\\nSet-Cookie: evil=1", "password": "x"}'),
        ("/auth/refresh", b'{"refresh_token": "\\r\\nSet-Cookie: evil=1"}'),
        ("/reset-password", b'{"new_password": "x", "token": "\\r\\nSet-Cookie: e=1"}'),
        ("/auth/otp", b'{"email": "a@b.org", "purpose": "\\r\\nSet-Cookie: evil=1"}'),
        ("/auth/login", b'{"a\\r\\nSet-Cookie: e=1": 1, "a\\r\\nSet-Cookie: e=1": 2}'),
    ],
)
def test_no_line_break_of_a_body_does_either(wire, path, body):
    kind = "Content-Type: application/json"

    answer = wire.request("POST", path, kind, body=body)

    assert 400 <= answer.status < 500
    assert {name.lower() for name, _ in answer.headers} <= HEADER_NAMES
