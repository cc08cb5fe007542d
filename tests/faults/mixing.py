"""C24: sixty-four people at once, and each must be taken for nobody else.

    python -m tests.faults C24

A server that keeps anything about a request where another thread can see it
answers one person with another's name, once in a great while (CVE-2026-33544).
So everybody asks who he is, over and over, on connections that are kept. Half
send one request at a time; the other half send ten in one piece, for themselves
and a neighbour in turn and now and then with a forged token, and hold the
answers against that order.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.faults.figures import Figure, at_least, at_most
from tests.faults.peers import Peer, request
from tests.faults.servers import serving
from tests.processes import PASSWORD, ServerProcess, log_in

TOGETHER = 10


def run(folder: Path, *, people: int, calls: int) -> list[Figure]:
    """Let everybody ask so many times who they are."""
    with serving(folder, REQUIRE_VERIFICATION="false") as server:
        everybody = [_joined(server, number) for number in range(people)]
        verdicts = asyncio.run(_ask_all(server.port, everybody, calls))
    return [
        at_least("answers that were right", verdicts["right"], people * calls),
        at_most("answers for somebody else", verdicts["another's"], 0),
        at_most("answers that were lost", verdicts["lost"], 0),
    ]


class _Person(NamedTuple):
    """What somebody asks, and what must be in the answer."""

    request: bytes
    expected: bytes


NOBODY = _Person(request("GET", "/protected", bearer="a.b.c"), b'"invalid_token"')


def _joined(server: ServerProcess, number: int) -> _Person:
    name = f"person-{number:04d}"
    form = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    server.ask("POST", "/auth/register", **form)
    token = log_in(server, name).payload["access_token"]
    return _Person(request("GET", "/protected", bearer=token), f'"{name}"'.encode())


async def _ask_all(port: int, everybody: list[_Person], calls: int) -> Counter[str]:
    verdicts: Counter[str] = Counter()
    lives = []
    for number, person in enumerate(everybody):
        neighbour = everybody[number - 1]
        if number % 2:
            order = [person]
        else:
            order = [person, neighbour] * (TOGETHER // 2 - 1) + [person, NOBODY]
        lives.append(_ask_on(port, order, calls, verdicts))
    await asyncio.gather(*lives)
    return verdicts


async def _ask_on(
    port: int, order: list[_Person], calls: int, verdicts: Counter[str]
) -> None:
    """Ask for all in `order` in one piece, again and again."""
    together = b"".join(each.request for each in order)
    peer = await Peer(port).connect()
    asked = 0
    try:
        while asked < calls:
            asked += len(order)
            await peer.send(together)
            for person in order:
                right = person.expected in (await peer.answer()).body
                verdicts["right" if right else "another's"] += 1
    except ConnectionError:
        verdicts["lost"] += calls - asked + len(order)
    finally:
        peer.close()
