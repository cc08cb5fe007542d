"""Mail servers, a real one and one that follows a script; and a postman."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from authserver.delivery.sender import Letter
from authserver.delivery.worker import Worker
from authserver.store import one_time_codes, outbox
from authserver.store.one_time_codes import OneTimeCode
from authserver.store.outbox import Message
from tests import mail_server
from tests.mail_server import MailServer

CODE_ID = "0" * 32
LETTER = Letter(
    message_id="0190a6f0-0000-7000-8000-000000000001",
    recipient="alice@example.org",
    subject="Your code",
    text="The code is:\n\n492039\n\n.A line that begins with a dot\n",
    created_at=1_700_000_000,
)


@pytest.fixture
def start_mail_server() -> Iterator[Callable[..., MailServer]]:
    """Return what starts aiosmtpd with the given options."""
    with contextlib.ExitStack() as started:
        yield lambda **options: started.enter_context(mail_server.running(**options))


@dataclass(frozen=True)
class Certificate:
    """A self-made certificate for `localhost`, and its key."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", made.key, "-out", made.certificate),
        ],
        check=True,
        capture_output=True,
    )
    return made


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """The certificate, believed by this process."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    return certificate


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """Yield a port where nobody answers: its queue of connections is full."""
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = server.getsockname()[1]
        for _ in range(2):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


class ScriptedServer:
    """Serves one connection with fixed replies; None hangs up instead.

    `replies` is by command; `greeting` and `text` are the two that answer no
    command. A reply not named is friendly.
    """

    FRIENDLY = {  # noqa: RUF012 - a constant
        "greeting": b"220 test\r\n",
        "EHLO": b"250-test\r\n250 AUTH PLAIN\r\n",
        "AUTH": b"235 2.7.0 welcome\r\n",
        "DATA": b"354 go on\r\n",
        "QUIT": b"221 2.0.0 bye\r\n",
    }

    def __init__(self, replies: dict[str, bytes | None]) -> None:
        self.commands: list[str] = []
        self._replies = {**self.FRIENDLY, **replies}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the client or the test has gone
            connection, _ = self._socket.accept()
            with connection, connection.makefile("rb") as lines:
                command: str | None = "greeting"
                while command and self._reply(connection, command):
                    in_text = command == "DATA" and self._replies["DATA"][:1] == b"3"
                    command = self._next(lines, in_text=in_text)

    def _reply(self, connection: socket.socket, command: str) -> bool:
        reply = self._replies.get(command, b"250 2.0.0 fine\r\n")
        if reply is not None:
            connection.sendall(reply)
        return reply is not None

    def _next(self, lines: Any, *, in_text: bool) -> str | None:
        if in_text:
            while lines.readline() not in (b".\r\n", b""):
                pass
            return "text"
        line = lines.readline().decode()
        self.commands.append(line.strip())
        return line[:4].strip().upper() or None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # not connected
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def start_scripted_server() -> Iterator[Callable[..., ScriptedServer]]:
    with contextlib.ExitStack() as running:

        def start(replies: dict[str, bytes | None]) -> ScriptedServer:
            server = ScriptedServer(replies)
            running.callback(server.close)
            return server

        yield start


@dataclass
class Postman:
    """A sender that keeps letters, after failing as often as it is told."""

    failures: list[Exception] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    attempts: int = 0

    def send(self, letter: Letter) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        self.letters.append(letter)


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def worker(app, postman) -> Worker:
    return Worker(app, {"email": postman, "sms": postman})


@pytest.fixture
def send_due(worker):
    """Return what sends everything that is due and waits for it."""

    def send_due() -> None:
        worker.send_due()
        worker.settle(wait_s=5)

    return send_due


@pytest.fixture
def message(app) -> Message:
    """A queued mail with a live code."""
    now = app.now()
    code = OneTimeCode(
        id=CODE_ID,
        purpose="verify",
        subject_id="u1",
        contact="alice@example.org",
        channel="email",
        kid=app.keyring.current,
        created_at=now,
        expires_at=now + 3600,
        attempts_left=5,
    )
    queued = Message(
        id="m1",
        kind="verify_code",
        channel="email",
        recipient="alice@example.org",
        username="alice",
        code_id=CODE_ID,
        created_at=now,
        expires_at=now + 3600,
        due_at=now,
    )
    app.database.transaction(one_time_codes.insert, code)
    app.database.transaction(outbox.insert, queued)
    return queued
