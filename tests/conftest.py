"""What most tests start from: a clock, an app, a client, a mailbox, alice.

The app is whole: a real database (SQLite in a temporary file; in some folders
also MariaDB and MySQL, see `databases`), real bcrypt (at its lowest cost), the
real dispatcher. Only the edges are ours: the clock stands still
until a test moves it, and letters end in a list instead of a mail server. What
needs sockets or processes starts them itself.
"""

import json
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from authserver import runtime, tokens
from authserver.app import App
from authserver.delivery.sender import Letter
from authserver.delivery.worker import Worker
from authserver.settings import Settings
from authserver.web.dispatch import Site
from authserver.web.messages import Request
from authserver.web.server import Server
from tests import databases, documented

START = 1_800_000_000  # epoch seconds; any moment will do
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "another good phrase"
PATIENCE_S = 10  # for what must come over a socket; normally it is there at once


@dataclass
class Clock:
    """Time for tests: it passes only when told to."""

    epoch_s: float = START
    monotonic_s: float = 1000.0

    def now(self) -> int:
        return int(self.epoch_s)

    def monotonic(self) -> float:
        return self.monotonic_s

    def advance(self, seconds: float) -> None:
        self.epoch_s += seconds
        self.monotonic_s += seconds


@dataclass(frozen=True)
class Answer:
    """A response as a client sees it."""

    status: int
    payload: dict[str, Any]
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        return found[0] if found else None

    @property
    def code(self) -> str:
        return str(self.payload["code"])

    @property
    def cookies(self) -> dict[str, str]:
        """Name and value of each Set-Cookie."""
        lines = [value for name, value in self.headers if name == "Set-Cookie"]
        pairs = (line.partition(";")[0].partition("=") for line in lines)
        return {name: value for name, _, value in pairs}

    def public(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Everything but the request id, to compare two answers."""
        payload = {k: v for k, v in self.payload.items() if k != "request_id"}
        headers = [each for each in self.headers if each[0] != "X-Request-Id"]
        return self.status, payload, headers


class Client(NamedTuple):
    """Sends requests straight to the dispatcher, from one address.

    Answers are held to the OpenAPI document, unless a test breaks the server.
    """

    site: Site
    address: str = "192.0.2.1"
    headers: Mapping[str, str] = MappingProxyType({})
    documented: bool = True

    def at(self, address: str) -> "Client":
        """Return the same client in another place."""
        return self._replace(address=address)

    def having(self, **headers: str) -> "Client":
        """Return a client that sends these headers too (_ stands for -)."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self._replace(headers={**self.headers, **named})

    def bearer(self, token: str) -> "Client":
        return self.having(authorization=f"Bearer {token}")

    def cookie(self, name: str, value: str) -> "Client":
        return self.having(cookie=f"{name}={value}")

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def post(self, path: str, **body: Any) -> Answer:
        return self.send("POST", path, json.dumps(body).encode())

    def send(self, method: str, path: str, body: bytes = b"") -> Answer:
        headers = {"content-type": "application/json"} if body else {}
        path, _, query = path.partition("?")
        request = Request(
            method=method,
            path=path,
            query=query,
            headers={**headers, **self.headers},
            body=body,
            address=self.address,
            request_id=tokens.request_id(),
        )
        response = self.site.respond(request)
        if self.documented:
            documented.check(request, response)
        payload = json.loads(json.dumps(response.payload or {}))
        headers = (*response.headers, *response.standing)
        return Answer(int(response.status), payload, headers)


@dataclass(frozen=True)
class Wire:
    """A listening server, spoken to in bytes, one connection for each call."""

    port: int

    def send(self, data: bytes) -> bytes:
        """Send bytes; return all that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as peer:
            peer.sendall(data)
            return b"".join(iter(lambda: peer.recv(65536), b""))

    def request(self, method: str, path: str, *lines: str, body: bytes = b"") -> Answer:
        """Send one request with these header lines, and close."""
        length = f"Content-Length: {len(body)}"
        head = (f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *lines)
        data = "\r\n".join((*head, length, "\r\n")).encode("latin-1") + body
        return answered(self.send(data))


def answered(received: bytes) -> Answer:
    """Take an answer apart that came over a socket."""
    head, _, content = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    headers = tuple((name, value) for name, _, value in pairs)
    return Answer(int(status.split()[1]), json.loads(content or b"{}"), headers)


class Mailbox:
    """Everybody's mail: runs the worker and keeps what it sends."""

    def __init__(self, app: App) -> None:
        self.letters: list[Letter] = []
        self._app = app

    def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    def fetch(self) -> list[Letter]:
        """Deliver what is due; return the new letters."""
        before = len(self.letters)
        worker = Worker(self._app, {"email": self, "sms": self})
        known = -1
        while len(self.letters) > known:  # only so many are sent at a time
            known = len(self.letters)
            worker.send_due()
            worker.settle(wait_s=PATIENCE_S)
        worker.stop()
        return self.letters[before:]

    def code(self, recipient: str) -> str:
        """Return the last code that was sent to `recipient`."""
        # Alone on its line, or the beginning of a text message.
        return self._last(r"^[0-9]{6}(?=$| is )", recipient)

    def link_token(self, recipient: str) -> str:
        """Return the token of the last link that was sent to `recipient`."""
        return self._last(r"#token=([\w.-]+)&name=", recipient)

    def _last(self, pattern: str, recipient: str) -> str:
        self.fetch()
        texts = [each.text for each in self.letters if each.recipient == recipient]
        return str(re.findall(pattern, "\n".join(texts), re.MULTILINE)[-1])


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: str
    username: str
    email: str
    password: str = PASSWORD


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def servers() -> Iterator[databases.Servers]:
    with databases.servers() as found:
        yield found


@pytest.fixture
def engine() -> str:
    """Where an app keeps its data; some folders run on all engines."""
    return "sqlite"


@pytest.fixture
def database_url(engine: str, tmp_path: Path, servers: databases.Servers) -> str:
    """The URL of an empty database."""
    if engine == "sqlite":
        return f"sqlite:///{tmp_path / 'accounts.db'}"
    return servers.url(engine)


@pytest.fixture
def limits() -> str:
    """Where an app counts what is not an account's."""
    return "process"


@pytest.fixture
def make_settings(database_url: str, limits: str) -> Callable[..., Settings]:
    """Return a maker of settings for a new database, with changes."""

    def make(**changes: Any) -> Settings:
        values: dict[str, Any] = {
            "database_url": database_url,
            "secret_key": (bytes(range(32)),),
            "public_url": "https://auth.example.org",
            "trusted_proxies": "127.0.0.1/32",
            "port": 0,
            "bcrypt_rounds": 4,
            "limits": limits,
        }
        return Settings(**(values | changes))

    return make


@pytest.fixture
def make_app(
    make_settings: Callable[..., Settings], clock: Clock
) -> Iterator[Callable[..., App]]:
    """Return a maker of apps under changed settings, closed at the end."""
    opened: list[App] = []

    def make(**changes: Any) -> App:
        app = runtime.create_app(
            make_settings(**changes), now=clock.now, monotonic=clock.monotonic
        )
        opened.append(app)
        return app

    yield make
    for app in opened:
        runtime.close(app)


@pytest.fixture
def app(make_app: Callable[..., App], request: pytest.FixtureRequest) -> App:
    """An app; `parametrize("app", [{...}], indirect=True)` changes settings."""
    return make_app(**getattr(request, "param", {}))


@pytest.fixture
def sql(app: App) -> Callable[..., list[Any]]:
    """Return what runs one statement on the app's database."""

    def run(statement: str, *parameters: Any) -> list[Any]:
        return app.database.transaction(lambda tx: tx.all(statement, parameters))

    return run


@pytest.fixture
def settle(app: App) -> Callable[[], None]:
    """Return what waits until all is written that nobody waits for."""

    def settle() -> None:
        written = threading.Event()
        app.database.later(lambda tx: written.set())
        assert written.wait(PATIENCE_S)
        app.database.transaction(lambda tx: None)  # one writer: behind its commit

    return settle


@pytest.fixture
def api(app: App) -> Client:
    return Client(Site(app))


@pytest.fixture
def client(api: Client) -> Client:  # a folder may have clients of its own
    return api


@pytest.fixture
def wire(app: App) -> Iterator[Wire]:
    """The app on a real port of this machine, whose peer is a trusted proxy."""
    proxies = app.settings.trusted_proxies
    server = Server("127.0.0.1", 0, Site(app), trusted_proxies=proxies)
    server.shared.note = app.access.note
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Wire(server.server_port)
    server.stop(drain_s=0)
    thread.join()


@pytest.fixture
def mailbox(app: App) -> Mailbox:
    return Mailbox(app)


@pytest.fixture
def join(client: Client, mailbox: Mailbox) -> Callable[..., Person]:
    """Return what registers and verifies a person, as that person would."""

    def join(username: str, *, address: str = "198.51.100.1") -> Person:
        email = f"{username}@example.org"
        at_home = client.at(address)
        answer = at_home.post(
            "/auth/register", username=username, email=email, password=PASSWORD
        )
        assert answer.status == 201, answer
        code = mailbox.code(email)
        assert at_home.post("/auth/verify-otp", email=email, otp=code).status == 200
        return Person(answer.payload["user"]["id"], username, email)

    return join


@pytest.fixture
def alice(join: Callable[..., Person]) -> Person:
    """A person with a verified account, who has never logged in."""
    return join("alice")


@pytest.fixture
def logged_in(client: Client, alice: Person) -> Answer:
    """Alice's first login."""
    return client.post("/auth/login", email=alice.email, password=alice.password)


@pytest.fixture
def hearing() -> Iterator[None]:
    """Let servers hear of SIGHUP, also where pytest runs under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
