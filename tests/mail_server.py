"""A real mail server on a port of this machine, and what has arrived at it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.ports import free_port


@dataclass
class Delivery:
    """One letter as the server got it."""

    ehlo: str
    encrypted: bool
    user: str | None
    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class MailServer:
    """A running aiosmtpd and what has arrived."""

    port: int
    deliveries: list[Delivery] = field(default_factory=list)
    # Cleared by a test, it makes the server hang with the text in its hands.
    answering: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - their name
        await asyncio.get_running_loop().run_in_executor(None, self.answering.wait)
        self.deliveries.append(
            Delivery(
                ehlo=session.host_name,
                encrypted=session.ssl is not None,
                user=session.auth_data,
                sender=envelope.mail_from,
                recipients=envelope.rcpt_tos,
                content=envelope.original_content,
            )
        )
        return "250 2.0.0 taken"


def log_in(server, session, envelope, mechanism, auth_data) -> AuthResult:
    """Accept one user, as aiosmtpd asks its authenticator."""
    right = (auth_data.login, auth_data.password) == (b"postman", b"letterbox")
    # Not handled: aiosmtpd words the reply, 235 or 535.
    return AuthResult(
        success=right, handled=False, auth_data="postman" if right else None
    )


@contextlib.contextmanager
def running(**options: Any) -> Iterator[MailServer]:
    """Run aiosmtpd with the given options."""
    server = MailServer(free_port())
    controller = Controller(server, "127.0.0.1", server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        server.answering.set()
        controller.stop()
