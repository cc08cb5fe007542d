"""R10: more connections than the process may have file handles.

    python -m tests.faults R10

The server gets 256. Attackers connect until 2,000 of them hold on, half saying
nothing and half beginning a request; whoever is closed comes again. At the
limit `accept` fails while the listening socket stays ready, so a naive server
burns a core, and the database can open nothing.

Meanwhile honest clients come, some to log in, which takes the disk; others keep
a connection from before the attack and go on asking over it. Then the attackers
leave, and time runs until the server takes as many at once as it has room for.
"""

import asyncio
import random
import time
from pathlib import Path

from tests.faults.figures import Figure, at_least, at_most
from tests.faults.honest import Experience, honest_clients
from tests.faults.peers import Answer, Peer, appointments, once, request
from tests.faults.servers import Vitals, serving, settled
from tests.processes import PASSWORD, ServerProcess, join, log_in

HANDLES = 256
RESERVE = 60  # of 64, for the database and the log; some are being turned away
ARRIVALS_PER_S = 500.0
COME_AGAIN_AFTER_S = (5.0, 15.0)
ESTABLISHED = 4
PAUSE_S = 0.1  # between the requests of one who is established
CROWD = 128  # at once, within what the server has room for
BEGUN = b"GET / HTTP/1.1\r\nHost: x\r\n"


def run(folder: Path, *, connections: int, hold_s: float) -> list[Figure]:
    """Attack a server that may open few files."""
    with serving(folder, descriptors=HANDLES) as server:
        join(server)
        return asyncio.run(_attack(server, connections, hold_s))


async def _attack(
    server: ServerProcess, connections: int, hold_s: float
) -> list[Figure]:
    token = log_in(server).payload["access_token"]
    look = request("GET", "/auth/me", bearer=token)
    enter = request("POST", "/auth/login", identifier="alice", password=PASSWORD)
    vitals = Vitals(server)
    await _crowd(server.port, look)  # starts the threads that there will be
    base, _ = settled(vitals)
    most_open = 0
    old = [_Established(server.port, look) for _ in range(ESTABLISHED)]
    async with honest_clients(server.port, (look, enter), per_s=10) as seen:
        staying = [asyncio.create_task(each.go_on()) for each in old]
        attackers = []
        async for number, _ in appointments(ARRIVALS_PER_S):
            most_open = max(most_open, vitals.descriptors())
            if number == connections:
                break
            attackers.append(asyncio.create_task(_hold_on(server.port, number % 2)))
        started, cpu_s = time.monotonic(), vitals.cpu_s()
        while time.monotonic() < started + hold_s:
            most_open = max(most_open, vitals.descriptors())
            await asyncio.sleep(0.1)
        cpu = 100 * (vitals.cpu_s() - cpu_s) / (time.monotonic() - started)
        for each in (*attackers, *staying):
            each.cancel()
        await asyncio.wait(attackers)
        left = time.monotonic()
    while {each.status for each in await _crowd(server.port, look)} != {200}:
        await asyncio.sleep(0.05)
    recovery_s = time.monotonic() - left
    return [
        at_least("honest requests answered", seen.share_ok, 95, "%"),
        at_least("those on old connections", _share_ok(old), 95, "%"),
        at_least("handles kept for others", HANDLES - (most_open - base), RESERVE),
        at_most("CPU while they hold on", cpu, 10, "%", busy=30),
        at_most("recovery once they left", recovery_s, 2, "s", busy=8),
    ]


async def _hold_on(port: int, begun: int) -> None:
    while True:
        peer = Peer(port)
        try:
            await peer.connect()
            await peer.send(BEGUN * begun)
            await peer.ended()
        except OSError:
            pass  # turned away; the next time comes all the same
        finally:
            peer.close()
        await asyncio.sleep(random.uniform(*COME_AGAIN_AFTER_S))


class _Established:
    """A client with a connection from before, asking again and again.

    A server may close a connection at any time between two requests, so like
    every HTTP client it then asks once more on a new one (RFC 9112 9.3.1).
    """

    def __init__(self, port: int, data: bytes) -> None:
        self.seen = Experience()
        self._port, self._data = port, data

    async def go_on(self) -> None:
        peer = await Peer(self._port).connect()
        try:
            while True:
                due = time.monotonic()
                try:
                    status = (await peer.ask(self._data)).status
                except ConnectionError:
                    peer.close()
                    status, peer = await self._anew()
                self.seen.note(status, due)
                await asyncio.sleep(PAUSE_S)
        finally:
            peer.close()

    async def _anew(self) -> tuple[int, Peer]:
        peer = Peer(self._port)
        try:
            await peer.connect()
            return (await peer.ask(self._data)).status, peer
        except ConnectionError:
            return 0, peer


def _share_ok(clients: list[_Established]) -> float:
    return min(each.seen.share_ok for each in clients)


async def _crowd(port: int, data: bytes) -> list[Answer]:
    return await asyncio.gather(*(once(port, data) for _ in range(CROWD)))
