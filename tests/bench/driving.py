"""Load that wrk cannot make: each request made of the answer before.

One thread and one poller for all connections, and no parsing beyond what it
needs, so that it takes far less than what it measures. A closed loop, as wrk's:
a connection sends its next request when the answer has come.
"""

import contextlib
import json
import re
import select
import socket
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.bench import load
from tests.bench.goals import percentile
from tests.bench.load import Load
from tests.bench.servers import Running

LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
GIVE_UP_S = 60.0
READ_BYTES = 64 * 1024


class Answer(NamedTuple):
    """What came back, and when its request had been sent."""

    status: int
    body: bytes
    latency_s: float


# Given the connection's number and its last answer, the next request, or None.
Source = Callable[[int, Answer | None], bytes | None]


class BadAnswer(RuntimeError):
    """The server closed a connection, or refused what it should not have."""


def post(
    path: str, body: Mapping[str, object], address: int, *, bearer: str = ""
) -> bytes:
    """Return a request that a proxy forwards for the address of this number."""
    content = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        f"X-Forwarded-For: {address_text(address)}",
        *([f"Authorization: Bearer {bearer}"] if bearer else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def address_text(number: int) -> str:
    """Return a private IPv4 address: one for each of 16 million numbers."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def drive(
    server: Running,
    source: Source,
    *,
    connections: int = load.CONNECTIONS,
    seconds: float = 3600.0,
) -> Load:
    """Drive until the time is up, or no connection has anything to send.

    Raises `BadAnswer`.
    """
    latencies: list[float] = []
    with contextlib.ExitStack() as undo:
        lines = [
            _Line(undo.enter_context(connect(server.port)), number, source)
            for number in range(connections)
        ]
        before_s, started = server.cpu_s(), time.perf_counter()
        _exchange(lines, latencies, started + seconds)
        took_s, spent_s = time.perf_counter() - started, server.cpu_s() - before_s
    return Load(
        cpu_us=spent_s / len(latencies) * 1e6,
        per_s=len(latencies) / took_s,
        p50_ms=percentile(latencies, 0.50) * 1000,
        p99_ms=percentile(latencies, 0.99) * 1000,
        rss_mib=server.rss_mib(),
    )


def connect(port: int) -> socket.socket:
    """Return a connection to a server of this machine."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection: socket.socket, request: bytes) -> Answer:
    """Send one request and wait for its answer; raises `BadAnswer`."""
    started = time.perf_counter()
    connection.sendall(request)
    buffer = b""
    while True:
        data = connection.recv(READ_BYTES)
        if not data:
            raise BadAnswer("closed")
        buffer += data
        if answer := complete(buffer, started):
            return answer


def complete(buffer: bytes, started: float) -> Answer | None:
    """Return the answer that `buffer` holds, or None while some is missing."""
    head, end, body = buffer.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    if not end or length is None or len(body) < int(length[1]):
        return None
    return Answer(int(buffer[9:12]), body, time.perf_counter() - started)


class _Line:
    """One connection, and what it waits for."""

    def __init__(self, connection: socket.socket, number: int, source: Source) -> None:
        self.connection = connection
        self._number = number
        self._source = source
        self._buffer = b""
        self._started = 0.0

    def send_next(self, answer: Answer | None) -> bool:
        """Send the request that follows; False when there is none."""
        request = self._source(self._number, answer)
        if request is None:
            return False
        self._started = time.perf_counter()
        self.connection.sendall(request)
        return True

    def receive(self) -> Answer | None:
        data = self.connection.recv(READ_BYTES)
        if not data:
            raise BadAnswer(f"closed, after {self._buffer!r}")
        self._buffer += data
        answer = complete(self._buffer, self._started)
        if answer is not None:
            self._buffer = b""
            if answer.status >= 400:
                raise BadAnswer(f"{answer.status} {answer.body!r}")
        return answer


def _exchange(lines: list[_Line], latencies: list[float], deadline: float) -> None:
    poller = select.epoll()
    waiting = {line.connection.fileno(): line for line in lines if line.send_next(None)}
    for descriptor in waiting:
        poller.register(descriptor, select.EPOLLIN)
    while waiting and time.perf_counter() < deadline:
        ready = poller.poll(GIVE_UP_S)
        if not ready:
            raise BadAnswer("no answer at all")
        for descriptor, _ in ready:
            answer = waiting[descriptor].receive()
            if answer is None:
                continue
            latencies.append(answer.latency_s)
            if not waiting[descriptor].send_next(answer):
                poller.unregister(descriptor)
                del waiting[descriptor]
    poller.close()
