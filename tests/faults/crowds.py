"""R12 and R13: many who are idle, and many who come at the same moment.

    python -m tests.faults R12 R13

An idle connection has been served and is kept for the next request. It may
cost little memory and nobody's time; it is closed after 15 s, or earlier, the
longest idle first, once more than 80 % of the places are taken.

A burst is what follows an outage: everybody connects at once. The standard
backlog of five loses most of them.
"""

import asyncio
import contextlib
import itertools
import select
import socket
import time
from pathlib import Path

from authserver.web.connections import Limits
from tests.faults.figures import Figure, at_least, at_most, p99
from tests.faults.honest import honest_clients
from tests.faults.peers import Peer, request
from tests.faults.servers import Vitals, serving, settled
from tests.processes import ServerProcess, join, log_in

PLACES = Limits().connections
IDLE_S = 15
SWEEP_S = 1.0  # deadlines are looked at now and then
STALL_S = 3
OPENING_AT_ONCE = 50
BURST_GIVES_UP_S = 15.0
HEALTH = request("GET", "/healthz")


def run_idle(folder: Path, *, connections: int) -> list[Figure]:
    """Open connections, ask once on each, and wait until all are closed."""
    with serving(folder) as server:
        join(server)
        return asyncio.run(_idle(server, connections))


async def _idle(server: ServerProcess, connections: int) -> list[Figure]:
    token = log_in(server).payload["access_token"]
    look = request("GET", "/auth/me", bearer=token)
    vitals = Vitals(server)
    settled(vitals)
    base_mib = most_mib = vitals.rss_mib()
    few_at_once = asyncio.Semaphore(OPENING_AT_ONCE)
    async with honest_clients(server.port, (look,), per_s=20) as seen:
        lives = asyncio.gather(
            *(_idle_life(server.port, few_at_once) for _ in range(connections))
        )
        while not lives.done():
            most_mib = max(most_mib, vitals.rss_mib())
            await asyncio.wait((lives,), timeout=0.2)
    answered = sum(ok for ok, _ in lives.result())
    idle_s = [lived_s for ok, lived_s in lives.result() if ok]
    longest_s = max(idle_s, default=0)
    early = sum(lived_s < IDLE_S - SWEEP_S for lived_s in idle_s)
    may_go_early = max(0, connections - PLACES * 8 // 10)
    return [
        at_least("idle connections that had been answered", answered, connections),
        at_most("memory they take", most_mib - base_mib, 200, "MiB"),
        at_most("honest p99", seen.p99_ms, 250, "ms", busy=2000),
        at_least("honest requests answered", seen.share_ok, 100, "%"),
        at_most("longest idle", longest_s, IDLE_S + SWEEP_S, "s", busy=STALL_S),
        at_most("closed earlier to make room", early, may_go_early),
    ]


async def _idle_life(port: int, few_at_once: asyncio.Semaphore) -> tuple[bool, float]:
    """Ask once, then wait to be closed; return what came of it and how long."""
    peer = Peer(port)
    answered, since = False, time.monotonic()
    try:
        async with few_at_once:
            await peer.connect()
            answered = (await peer.ask(HEALTH)).status == 200
        since = time.monotonic()
        await peer.ended()
    except OSError:
        pass
    finally:
        peer.close()
    return answered, time.monotonic() - since


def run_burst(folder: Path, *, connections: int, times: int) -> list[Figure]:
    """Connect all at once, several times."""
    with serving(folder) as server:
        bursts = [_burst(server.port, connections) for _ in range(times)]
    times_s = list(itertools.chain(*bursts))
    return [
        at_least("answered", len(times_s), connections * times),
        at_most("p99", p99(times_s), 1, "s", busy=5),
    ]


def _burst(port: int, connections: int) -> list[float]:
    """Return how long each waited for its answer; who got none is left out."""
    with select.epoll() as poller, contextlib.ExitStack() as stack:
        since: dict[int, float] = {}
        peers: dict[int, socket.socket] = {}
        for _ in range(connections):
            peer = stack.enter_context(socket.socket())
            peer.setblocking(False)
            since[peer.fileno()] = time.monotonic()
            peer.connect_ex(("127.0.0.1", port))
            peers[peer.fileno()] = peer
            poller.register(peer, select.EPOLLOUT)
        times_s = []
        deadline = time.monotonic() + BURST_GIVES_UP_S
        while peers and time.monotonic() < deadline:
            for number, events in poller.poll(0.1):
                peer = peers[number]
                try:
                    if not events & select.EPOLLIN:
                        peer.send(HEALTH)
                        poller.modify(peer, select.EPOLLIN)
                        continue
                    if peer.recv(65536).startswith(b"HTTP/1.1 200 "):
                        times_s.append(time.monotonic() - since[number])
                except ConnectionError:
                    pass  # lost
                poller.unregister(peer)
                del peers[number]
    return times_s
