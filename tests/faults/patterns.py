"""C22: text that almost matches, in each field and each header.

    python -m tests.faults C22

A pattern with two ways to read a text tries them all before it gives up
(Django's CVE-2024-27351 is one of a dozen). So a real server gets 64 KiB of
what nearly is an address, a number, a token, a code, and each answer is timed.
What is slow is slow each time; a machine that does something else is not, so
the least of several tries counts.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.attacks import near_matches
from tests.faults.figures import Figure, at_least, at_most
from tests.faults.peers import once
from tests.faults.servers import serving

FAST_MS = 50.0
BUSY_MS = 200.0
TRIES = 5


def run(folder: Path, *, chars: Iterable[int | None]) -> list[Figure]:
    """Send fields of so many characters (None fill a body), and headers."""
    fields, headers = list(_fields(chars)), list(_headers())
    with serving(folder) as server:
        of_fields = asyncio.run(_timed_ms(server.port, fields))
        of_headers = asyncio.run(_timed_ms(server.port, headers))
    answered, sent = of_fields + of_headers, fields + headers
    field_ms, header_ms = (max(ms, default=0) for ms in (of_fields, of_headers))
    return [
        at_least("texts answered", len(answered), len(sent)),
        at_most("slowest answer to a field", field_ms, FAST_MS, "ms", busy=BUSY_MS),
        at_most("slowest answer to a header", header_ms, FAST_MS, "ms", busy=BUSY_MS),
    ]


def _fields(chars: Iterable[int | None]) -> Iterator[bytes]:
    places = itertools.count(1)  # another client each, lest a limit answers
    for length, route in itertools.product(chars, near_matches.WITH_BODIES):
        for _, body in near_matches.bodies(route, length):
            place = next(places)
            lines = (
                f"{route.method} {route.paths[0]} HTTP/1.1",
                "Host: localhost",
                f"X-Forwarded-For: 198.18.{place // 250}.{place % 250 + 1}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
            )
            yield "\r\n".join((*lines, "\r\n")).encode() + body


def _headers() -> Iterator[bytes]:
    size = near_matches.HEADER_BYTES
    for name in near_matches.HEADERS:
        host = "" if name == "Host" else "Host: localhost\r\n"
        for made in near_matches.IN_HEADERS.values():
            head = f"GET /auth/me HTTP/1.1\r\n{host}{name}: {made(size)}\r\n\r\n"
            yield head.encode()


async def _timed_ms(port: int, requests: Iterable[bytes]) -> list[float]:
    """Return how long each took, up to the first that got no answer."""
    taken: list[float] = []
    with contextlib.suppress(ConnectionError):
        for each in requests:
            taken.append(await _least_ms(port, each))
    return taken


async def _least_ms(port: int, data: bytes) -> float:
    taken = []
    for _ in range(TRIES):
        started = time.monotonic()
        if not (await once(port, data)).status:
            raise ConnectionError("no answer")
        taken.append(1000 * (time.monotonic() - started))
        if taken[-1] < FAST_MS:
            break
    return min(taken)
