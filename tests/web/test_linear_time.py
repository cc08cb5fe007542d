"""Four times the bytes cost about four times the work, whatever they are.

A parser that backtracks, or starts over with each packet, is a cheap way to
keep a server busy: the square of 16 KiB is a quarter of a billion. Time is
compared with time, of the same code on the same machine: a quadratic reader
would need sixteen times as long for four times as much, and the bound lies
between.
"""

import contextlib
import socket
import time
from types import SimpleNamespace

import pytest

from authserver import errors
from authserver.web import head
from authserver.web.framing import Body
from authserver.web.handler import READING, Connection
from tests.cpu import cpu_s

SMALL, LARGE = 4_000, 16_000  # bytes of a head; 16 KiB is the most
TIMES = 9  # four is linear, sixteen the square

START = b"GET / HTTP/1.1\r\nHost: a\r\n"
LINES = {
    "one long value": lambda size: b"A: " + b"b" * size,
    "one long name": lambda size: b"b" * size + b": a",
    "blanks before a value": lambda size: b"A:" + b" " * size + b"b",
    "blanks and nothing else": lambda size: b"A:" + b"\t " * (size // 2),
    "colons": lambda size: b"A" + b":" * size,
    "list of options": lambda size: b"Connection: " + b"a," * (size // 2),
    "blank options": lambda size: b"Connection: " + b", " * (size // 2),
    "list of codings": lambda size: b"Transfer-Encoding: " + b"chunked," * (size // 8),
    "digits": lambda size: b"Content-Length: " + b"0" * size,
    "host of dots": lambda size: b"Host: " + b"." * size,
    "half a host": lambda size: b"Host: [" + b":" * size,
    "expectation": lambda size: b"Expect: " + b"100-" * (size // 4),
    "same name": lambda size: b"\r\n".join([b"A: " + b"b" * (size // 90)] * 90),
    "many cookies": lambda size: b"\r\n".join([b"Cookie: " + b"=" * (size // 90)] * 90),
}
TARGETS = {
    "slashes": lambda size: b"/" * size,
    "questions": lambda size: b"/?" + b"?" * size,
    "host": lambda size: b"http://" + b"a." * (size // 2),
    "half an address": lambda size: b"http://[" + b"1:" * (size // 2) + b"/",
    "spaces": lambda size: b"/" + b" " * size,
}


def read(buffer: bytes) -> None:
    with contextlib.suppress(errors.AuthError):
        head.parse(buffer)


@pytest.mark.parametrize("made", LINES.values(), ids=LINES)
def test_header_lines_are_read_in_linear_time(made):
    small, large = (START + made(size) + b"\r\n\r\n" for size in (SMALL, LARGE))

    assert cpu_s(lambda: read(large)) < TIMES * cpu_s(lambda: read(small))


@pytest.mark.parametrize("made", LINES.values(), ids=LINES)
def test_header_lines_that_do_not_end_are_judged_in_linear_time(made):
    small, large = (START + made(size) for size in (SMALL, LARGE))

    assert cpu_s(lambda: read(large)) < TIMES * cpu_s(lambda: read(small))


@pytest.mark.parametrize("made", TARGETS.values(), ids=TARGETS)
def test_targets_are_read_in_linear_time(made):
    small, large = (
        b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % made(size) for size in (SMALL, LARGE)
    )

    assert cpu_s(lambda: read(large)) < TIMES * cpu_s(lambda: read(small))


def dechunk(body: bytes, packet: int) -> None:
    """Decode a body that arrives in packets of this many bytes."""
    buffer, decoder = b"", Body(0, None)
    for at in range(0, len(body), packet):
        buffer += body[at : at + packet]
        decoder.content(buffer)


@pytest.mark.parametrize("packet", [1, 6, 100_000])
def test_chunks_of_one_byte_are_read_in_linear_time(packet):
    small, large = (b"1\r\na\r\n" * count + b"0\r\n\r\n" for count in (100, 400))

    of_large, of_small = (
        cpu_s(lambda body=body: dechunk(body, packet)) for body in (large, small)
    )

    assert of_large < TIMES * of_small


@pytest.mark.parametrize(
    "made",
    [
        lambda size: b"%x\r\n" % size + b"a" * size + b"\r\n0\r\n\r\n",
        lambda size: (b"1;" + b"a" * 200 + b"\r\na\r\n") * (size // 200) + b"0\r\n\r\n",
    ],
    ids=["one chunk", "long extensions"],
)
def test_dribbled_chunks_are_read_in_linear_time(made):
    small, large = made(500), made(2_000)

    of_large, of_small = (
        cpu_s(lambda body=body: dechunk(body, 1)) for body in (large, small)
    )

    assert of_large < TIMES * of_small


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
DRIBBLED = {
    "head": lambda size: HEAD + b"A: " + b"b" * size + b"\r\n\r\n",
    "head to be refused": lambda size: b"GET /\xff A: " + b"b" * size + b"\r\n\r\n",
    "short lines": lambda size: HEAD + b"a:\r\n" * (size // 4) + b"\r\n",
    "body": lambda size: HEAD + b"Content-Length: %d\r\n\r\n" % size + b"b" * size,
    "chunks": lambda size: (
        HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"1\r\na\r\n" * (size // 6)
        + b"0\r\n\r\n"
    ),
}


def dribbled_s(shared, data: bytes) -> float:
    """CPU time of a connection that receives one byte after the other."""
    near, far = socket.socketpair()
    lent = []
    driver = SimpleNamespace(have_answered=lambda *what: lent.append(what))
    connection = Connection(far, "127.0.0.1", shared, driver)
    with near, far:
        started = time.thread_time()
        for at in range(len(data)):
            near.send(data[at : at + 1])
            connection.ready()
        spent_s = time.thread_time() - started
        assert lent or connection.state > READING  # complete, or refused
    return spent_s


@pytest.mark.parametrize("made", DRIBBLED.values(), ids=DRIBBLED)
def test_dribbled_request_costs_linear_time(server, made):
    small, large = (
        min(dribbled_s(server.shared, made(size)) for _ in range(3))
        for size in (SMALL, LARGE)
    )

    assert large < TIMES * small
