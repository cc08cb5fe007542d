"""What the replays of the older systems need: a server, its post, a client.

Everything is real but the far end of text messages: `python server.py` as a
process of its own, a mail server that it speaks SMTP with, the SDK of Twilio
that calls a stub of Twilio's API. The requests of a system's documentation are
sent as they stand there.
"""

import contextlib
import email
import http.client
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import policy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import databases, mail_server
from tests.mail_server import MailServer
from tests.processes import ServerProcess, wait_until
from tests.twilio_stub import TwilioStub

SECRET_KEY = "a secret of these tests that is long enough"
CODE = re.compile(r"\b[0-9]{6}\b")
LINK = re.compile(r"https?://\S+#token=([^&\s]+)")


class Message(NamedTuple):
    """What arrived for somebody: a mail's plain text, or a text message."""

    text: str

    @property
    def code(self) -> str:
        return CODE.findall(self.text)[0]

    @property
    def link_token(self) -> str:
        return LINK.findall(self.text)[0]


@dataclass
class Post:
    """Everybody's mailbox and telephone; each message is read once."""

    mail: MailServer
    sms: TwilioStub
    read: Counter[str] = field(default_factory=Counter)

    def next(self, recipient: str) -> Message:
        """Return the oldest message to `recipient` that was not read yet."""
        number = self.read[recipient]
        arrived = wait_until(
            lambda: self._all(recipient)[number:], f"a message to {recipient}"
        )
        self.read[recipient] += 1
        return Message(arrived[0])

    def _all(self, recipient: str) -> list[str]:
        mails = (
            email.message_from_bytes(each.content, policy=policy.default)
            for each in self.mail.deliveries
            if each.recipients == [recipient]
        )
        texts = [each.get_body(("plain",)).get_content() for each in mails]
        return texts + [each.body for each in self.sms.texts if each.to == recipient]


class Answer(NamedTuple):
    """A response as the older clients read one."""

    status: int
    payload: dict[str, Any]
    set_cookies: list[str]


@dataclass
class Client:
    """A client of an older system: sends JSON, keeps cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: Any = None, *, bearer: str = "") -> Answer:
        return self._send("POST", path, body, bearer)

    def get(self, path: str, *, bearer: str = "") -> Answer:
        return self._send("GET", path, None, bearer)

    def _send(self, method: str, path: str, body: Any, bearer: str) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            payload = json.loads(response.read())
            cookies = response.headers.get_all("Set-Cookie") or []
        finally:
            connection.close()
        for cookie in cookies:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        self.cookies = {name: value for name, value in self.cookies.items() if value}
        return Answer(response.status, payload, cookies)


class System(NamedTuple):
    """A running server in an older system's place."""

    server: ServerProcess
    post: Post

    def client(self) -> Client:
        return Client(self.server.port)


@pytest.fixture
def replace_system(
    tmp_path: Path, database_url: str
) -> Iterator[Callable[..., System]]:
    """Return what starts a server under a system's settings."""
    with mail_server.running() as mail, TwilioStub() as sms:
        settings = {
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": database_url,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(mail.port),
            "EMAIL_SECURITY": "none",
            "EMAIL_FROM": "auth@example.org",
            "BCRYPT_ROUNDS": "4",
            **sms.environment,
        }
        server = ServerProcess(tmp_path, settings)

        def start(**changes: str) -> System:
            server.settings |= changes
            server.start()
            return System(server, Post(mail, sms))

        yield start
        if server.process:
            server.kill()


@pytest.fixture(params=databases.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stored(engine: str, database_url: str) -> Iterator[Callable[[str], list[Any]]]:
    """Return what reads the server's database behind its back."""
    if engine == "sqlite":
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    else:
        connection = databases.connect(database_url)

    def read(statement: str) -> list[Any]:
        cursor = connection.cursor()
        cursor.execute(statement)
        return cursor.fetchall()

    with contextlib.closing(connection):
        yield read
