"""What an attacker brings: many hands at one moment, many places, a stopwatch.

Races are real. `at_once` releases threads by a barrier; `volley` does the same
over sockets and withholds the last byte of each request until all connections
stand, so that the requests become whole within microseconds of each other.

What an answer cost is counted around the edges of the app -- the database and
the hasher it is given -- and nothing of the app itself is replaced.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from authserver import runtime
from authserver.passwords.threads import HashingThreads
from authserver.store.buckets import Shared
from authserver.web.dispatch import Site

PATIENCE_S = 20  # for what must come; normally it is there at once


class Tally:
    """Counts, which several threads may add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.commits = 0
        self.hashes = 0
        self.judged = 0  # hashes that could have been right: not the dummy

    def add(self, *, commits: int = 0, hashes: int = 0, judged: int = 0) -> None:
        with self._lock:
            self.commits += commits
            self.hashes += hashes
            self.judged += judged

    @property
    def cost(self) -> tuple[int, int]:
        return self.commits, self.hashes


class CountingDatabase:
    """A database that counts its commits."""

    def __init__(self, database: Any, tally: Tally) -> None:
        self._database, self._tally = database, tally

    def transaction(self, *args: Any, **kwargs: Any) -> Any:
        self._tally.add(commits=1)
        return self._database.transaction(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class CountingHasher:
    """A hasher that counts what it computes."""

    def __init__(self, hasher: Any, tally: Tally) -> None:
        self._hasher, self._tally = hasher, tally

    def hash(self, password: str) -> Any:
        self._tally.add(hashes=1)
        return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> Any:
        self._tally.add(hashes=1, judged=int(stored is not None))
        return self._hasher.verify(password, stored)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def counted(app, client, tally) -> Iterator[Any]:
    """A client of the same app, whose commits and hashes are counted.

    Its hashing queue takes a crowd in, so that a race is decided by the limits
    and not by who found a place.
    """
    crowd = HashingThreads(threads=4, max_waiting=500)
    database = CountingDatabase(app.database, tally)
    shared = app.settings.limits == "database"
    watched = app._replace(
        database=database,
        limiter=Shared(database, app.now) if shared else app.limiter,
        hasher=CountingHasher(app.hasher, tally),
        hashing=crowd,
    )
    yield client._replace(site=Site(watched))
    crowd.close()


@pytest.fixture
def at_once() -> Callable[[Sequence[Callable[[], Any]]], list[Any]]:
    """Return what calls functions at one moment, each in its own thread."""

    def run(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        barrier = threading.Barrier(len(calls))

        def call(function: Callable[[], Any]) -> Any:
            barrier.wait(PATIENCE_S)
            return function()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(call, calls))

    return run


@dataclass(frozen=True)
class Reply:
    """An answer as it came over a socket."""

    status: int
    payload: dict[str, Any]
    head: str


@dataclass(frozen=True)
class Gun:
    """Fires requests at a listening server, all at one moment."""

    port: int

    def fire(self, path: str, bodies: Sequence[dict[str, Any]]) -> list[Reply]:
        """Post each body on its own connection, from its own client address."""
        requests = [
            _request(path, body, f"203.0.113.{number}")
            for number, body in enumerate(bodies, start=1)
        ]
        connections = [
            socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
            for _ in requests
        ]
        pairs = list(zip(connections, requests, strict=True))
        for connection, request in pairs:
            connection.sendall(request[:-1])
        for connection, request in pairs:
            connection.sendall(request[-1:])
        return [_reply(connection) for connection in connections]

    def announce(self, path: str, length: int) -> Reply:
        """Post a body of `length` bytes, of which none is ever sent."""
        head, _, _ = _request(path, {}, "203.0.113.1").partition(b"\r\n\r\n")
        head = head.replace(b"Content-Length: 2", b"Content-Length: %d" % length)
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        connection.sendall(head + b"\r\n\r\n")
        return _reply(connection)


@pytest.fixture
def volley(app) -> Iterator[Gun]:
    """The app on a real port, behind a proxy that names each client."""
    running = runtime.serve(app)
    yield Gun(int(running.url.rpartition(":")[2]))
    running.stop()


def wrong(code: str) -> str:
    """Return six digits that are not `code`."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.fixture(name="wrong")
def wrong_fixture() -> Callable[[str], str]:
    return wrong


@pytest.fixture
def places() -> Callable[[int], list[str]]:
    """Return as many client addresses as asked for, each its own network."""

    def make(count: int) -> list[str]:
        return [f"203.0.{113 + n // 250}.{n % 250 + 1}" for n in range(count)]

    return make


def _request(path: str, body: dict[str, Any], address: str) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: auth.example.org\r\nConnection: close\r\n"
        f"X-Forwarded-For: {address}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _reply(connection: socket.socket) -> Reply:
    with connection:
        received = b""
        while packet := connection.recv(65536):
            received += packet
    head, _, body = received.partition(b"\r\n\r\n")
    return Reply(int(head.split()[1]), json.loads(body), head.decode())
