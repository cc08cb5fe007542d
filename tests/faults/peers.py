"""Clients of a server under attack, which do what no HTTP library would.

They live in one event loop and speak in bytes. Who is to come at a pace comes
at the appointed time, however long those before wait, so a server that stalls
cannot hide behind clients that politely stay away.
"""

import asyncio
import contextlib
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from tests.faults.servers import reset

PATIENCE_S = 10.0  # then a client gives up, which counts as no answer


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Peer:
    """One connection, seen from the client."""

    def __init__(self, port: int, *, receive_bytes: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_bytes:
            option = socket.SO_RCVBUF
            self.socket.setsockopt(socket.SOL_SOCKET, option, receive_bytes)
        self._port = port
        self._received = b""

    async def connect(self) -> "Peer":
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self._port))
        return self

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read(self, size: int = 65536) -> bytes:
        """Return what comes next, b"" at the end."""
        return await asyncio.get_running_loop().sock_recv(self.socket, size)

    async def answer(self) -> Answer:
        """Return the next answer; raises `ConnectionError` if none comes."""
        while b"\r\n\r\n" not in self._received:
            await self._more()
        head, _, rest = self._received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        lengths = [
            int(line[15:]) for line in lines if line.startswith(b"content-length:")
        ]
        while len(rest) < lengths[0]:
            self._received = b""
            await self._more()
            rest += self._received
        body, self._received = rest[: lengths[0]], rest[lengths[0] :]
        return Answer(int(head.split(b" ", 2)[1]), body)

    async def ask(self, data: bytes) -> Answer:
        await self.send(data)
        return await self.answer()

    async def ended(self) -> None:
        """Read and drop until the server ends the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.read():
                pass

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        reset(self.socket)

    async def _more(self) -> None:
        data = await self.read()
        if not data:
            raise ConnectionResetError("closed before the answer was complete")
        self._received += data


def request(
    method: str,
    path: str,
    *headers: str,
    bearer: str = "",
    address: str = "",
    **body: object,
) -> bytes:
    """Return a request as it goes over the wire; its connection stays open."""
    content = json.dumps(body).encode() if body else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    if address:
        lines.append(f"X-Forwarded-For: {address}")
    if body:
        lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join((*lines, "\r\n")).encode() + content


async def once(port: int, data: bytes, patience_s: float = PATIENCE_S) -> Answer:
    """Ask on a connection of its own; without an answer the status is 0."""
    peer = Peer(port)
    try:
        async with asyncio.timeout(patience_s):
            await peer.connect()
            return await peer.ask(data)
    except (OSError, TimeoutError):
        return Answer(0, b"")
    finally:
        peer.close()


async def appointments(per_s: float) -> AsyncIterator[tuple[int, float]]:
    """Yield 0, 1, 2 ... each at its time, and that time; never skip one."""
    started = time.monotonic()
    for number in itertools.count():
        due = started + number / per_s
        await asyncio.sleep(max(0, due - time.monotonic()))
        yield number, due
