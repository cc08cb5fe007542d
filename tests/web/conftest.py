"""A real server on port 0 for the tests that speak raw bytes to it."""

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest

from authserver import errors, logs
from authserver.access import Answered
from authserver.web.certificate import Certificate
from authserver.web.connections import AT_ONCE, WAITING, Limits
from authserver.web.messages import Request, Response
from authserver.web.poller import Epoll, Poller, Selected
from authserver.web.server import Server

PATIENCE_S = 10  # how long a test waits for what must come; normally it is there


@dataclass
class Site:
    """Answers every request with what it was, and remembers all of them."""

    requests: list[Request] = field(default_factory=list)
    refused: list[errors.AuthError] = field(default_factory=list)
    refused_ids: set[str] = field(default_factory=set)
    answers: dict[str, Callable[[Request], Response]] = field(default_factory=dict)

    def manner(self, request: Request) -> int:
        return WAITING if request.path in self.answers else AT_ONCE

    def answer(
        self,
        request: Request,
        reply: Callable[[Response], None],
        *,
        in_steps: bool = False,
    ) -> None:
        reply(self.respond(request))

    def respond(self, request: Request) -> Response:
        self.requests.append(request)
        if request.path in self.answers:
            return self.answers[request.path](request)
        return Response(HTTPStatus.OK, {"path": request.path})

    def turn_down(self, request: Request, error: errors.AuthError) -> Response:
        return self.refuse(error, logs.request_id.get())

    def refuse(self, error: errors.AuthError, request_id: str) -> Response:
        self.refused.append(error)
        self.refused_ids.add(request_id)
        return Response(error.status, {"code": error.code, "detail": error.detail})


def eventually(condition: Callable[[], bool]) -> bool:
    """Return whether a condition of other threads comes true in good time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if condition():  # asked once only: it may be true for a moment
            return True
        threading.Event().wait(0.002)
    return False


class Client:
    """One connection that sends bytes and reads them."""

    def __init__(self, server: Server, context: ssl.SSLContext | None = None) -> None:
        address = server.server_address[:2]
        self.socket = socket.create_connection(address, timeout=PATIENCE_S)
        if context is not None:
            name = "localhost"
            self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, ends_with: bytes) -> bytes:
        """Read until what came ends so."""
        received = b""
        while not received.endswith(ends_with):
            packet = self.socket.recv(65536)
            assert packet, f"closed after {received!r}"
            received += packet
        return received

    def read_to_end(self) -> bytes:
        """Read until the server closes; a reset counts as the end."""
        received = b""
        try:
            while packet := self.socket.recv(65536):
                received += packet
        except ConnectionResetError:
            pass
        return received

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()


@pytest.fixture
def site() -> Site:
    return Site()


def selected() -> Poller:
    """What BSD and macOS get, with a selector that this system has."""
    return Selected(selectors.PollSelector())


@pytest.fixture(
    params=[Epoll, selected, lambda: None], ids=["epoll", "selector", "threads"]
)
def make_poller(request) -> Callable[[], Poller | None]:
    """Each way to drive connections."""
    return request.param


@pytest.fixture
def noted() -> list[Answered]:
    """What the servers of `serve` noted."""
    return []


@pytest.fixture
def certificate() -> Certificate | None:
    """What the servers of `serve` show; None for plain HTTP."""
    return None


@pytest.fixture
def context() -> ssl.SSLContext | None:
    """What the clients of `connect` trust; None for plain HTTP."""
    return None


@pytest.fixture
def serve(
    site: Site, noted: list[Answered], make_poller, certificate
) -> Iterator[Callable[..., Server]]:
    """Start servers of `site` with these limits; they stop with the test."""
    started: list[tuple[Server, threading.Thread]] = []

    def start(host: str = "127.0.0.1", *, trusted_proxies=(), **limits) -> Server:
        server = Server(
            host,
            0,
            site,
            trusted_proxies=trusted_proxies,
            limits=Limits(**limits),
            certificate=certificate,
            make_poller=make_poller,
        )
        server.shared.note = noted.append
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.stop(drain_s=0)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def connect(context) -> Iterator[Callable[[Server], Client]]:
    """Open connections that the test need not close."""
    clients: list[Client] = []

    def open_one(server: Server) -> Client:
        clients.append(Client(server, context))
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()


@pytest.fixture
def connection(server: Server, connect: Callable[[Server], Client]) -> Client:
    return connect(server)
