"""R11: clients that are slow on purpose, as slowhttptest makes them.

    python -m tests.faults R11

    head   (-H)  a header line that never ends, a byte every 5 s
    body   (-B)  a body that is announced and never comes, likewise
    read   (-X)  much is asked for, and the answer read a byte every 5 s

None of it is forbidden, so only deadlines help, and they must be absolute: one
that begins anew with each byte never ends. How long slow heads and bodies were
held is seen from the client, who comes again when closed. Who does not read
does not see the end either; there the server's open descriptors tell.

Honest clients meanwhile notice nothing, also those on a bad line: a body that
comes at 1 kB/s is taken.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.faults.figures import Figure, at_least, at_most
from tests.faults.honest import honest_clients
from tests.faults.peers import Peer, appointments, request
from tests.faults.servers import Vitals, serving, settled
from tests.processes import ServerProcess, join, log_in

HEAD_S, BODY_S, ANSWER_S = 10, 30, 30
SWEEP_S = 1.0  # deadlines are looked at now and then
STALL_S = 2.5
BYTE_EVERY_S = 5.0
ARRIVALS_PER_S = 200.0
READERS_PER_S = 50.0  # each is sent 2 MB before it blocks
COME_AGAIN_AFTER_S = 1.0
GIVE_UP_S = 45.0
BEGUN = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
ANNOUNCED = (
    b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
)
MUCH = request("GET", "/openapi.json") * 40  # 7 MB, more than kernels buffer
SMALL_BUFFER = 4096
BAD_LINE_BYTES, BAD_LINE_S = 20_000, 18.0
BAD_LINES = 4


def run(
    folder: Path, *, connections: int, seconds: float, together: bool
) -> list[Figure]:
    """Attack in three ways, one after another or each at its own server."""
    modes = (_slow_heads, _slow_bodies, _slow_readers)
    groups = [modes] if together else [(mode,) for mode in modes]
    found = []
    for group in groups:
        found += asyncio.run(_attack(folder, group, connections, seconds))
    return found


_Mode = Callable[[ServerProcess, int, float], Awaitable[list[Figure]]]


async def _attack(
    folder: Path, modes: tuple[_Mode, ...], connections: int, seconds: float
) -> list[Figure]:
    calls = (_meanwhile(folder, mode, connections, seconds) for mode in modes)
    return list(itertools.chain(*await asyncio.gather(*calls)))


async def _meanwhile(
    folder: Path, mode: _Mode, connections: int, seconds: float
) -> list[Figure]:
    """Run one mode while honest clients come."""
    name = mode.__name__.strip("_").replace("_", " ")
    own = folder / name
    own.mkdir()
    with serving(own) as server:
        join(server)
        token = log_in(server).payload["access_token"]
        look = request("GET", "/auth/me", bearer=token)
        async with honest_clients(server.port, (look,), per_s=20) as seen:
            figures = await mode(server, connections, seconds)
    return [
        *figures,
        at_most(f"{name}: honest p99", seen.p99_ms, 500, "ms", busy=2000),
        at_least(f"{name}: honest requests answered", seen.share_ok, 100, "%"),
    ]


async def _slow_heads(
    server: ServerProcess, connections: int, seconds: float
) -> list[Figure]:
    held = await _drip(server.port, BEGUN, connections, min(seconds, HEAD_S * 2))
    return [
        at_most(
            "slow heads: longest held", max(held), HEAD_S + SWEEP_S, "s", busy=STALL_S
        )
    ]


async def _slow_bodies(
    server: ServerProcess, connections: int, seconds: float
) -> list[Figure]:
    lines = asyncio.gather(*(_bad_line(server.port) for _ in range(BAD_LINES)))
    held = await _drip(server.port, ANNOUNCED, connections, seconds)
    return [
        at_most(
            "slow bodies: longest held", max(held), BODY_S + SWEEP_S, "s", busy=STALL_S
        ),
        at_least("slow bodies: at 1 kB/s, taken", sum(await lines), BAD_LINES),
    ]


async def _slow_readers(
    server: ServerProcess, connections: int, seconds: float
) -> list[Figure]:
    vitals = Vitals(server)
    base, _ = settled(vitals)
    longest_s = 0.0
    started = time.monotonic()
    while not longest_s or time.monotonic() < started + seconds - ANSWER_S:
        peers: list[Peer] = []
        readers = []
        async for number, _ in appointments(READERS_PER_S):
            if number == connections:
                break
            peers.append(Peer(server.port, receive_bytes=SMALL_BUFFER))
            readers.append(asyncio.create_task(_read_slowly(peers[-1])))
        last = time.monotonic()
        # Some honest clients are always there.
        while vitals.descriptors() > base + connections // 50 + 5:
            if time.monotonic() > last + GIVE_UP_S:
                break
            await asyncio.sleep(0.2)
        longest_s = max(longest_s, time.monotonic() - last)
        for each in readers:
            each.cancel()
        await asyncio.wait(readers)
    return [
        at_most("slow readers: held", longest_s, ANSWER_S + SWEEP_S, "s", busy=STALL_S)
    ]


async def _read_slowly(peer: Peer) -> None:
    try:
        await peer.connect()
        await peer.send(MUCH)
        while await peer.read(1):
            await asyncio.sleep(BYTE_EVERY_S)
    except ConnectionError:
        pass
    else:
        await asyncio.Event().wait()  # hold on to what was closed
    finally:
        peer.close()


async def _drip(
    port: int, begin: bytes, connections: int, seconds: float
) -> list[float]:
    """Return how long the server held each who sends a byte now and then."""
    held: list[float] = []
    clients = []
    async for number, _ in appointments(ARRIVALS_PER_S):
        if number == connections:
            break
        clients.append(asyncio.create_task(_come_and_drip(port, begin, held)))
    await asyncio.sleep(seconds)
    for each in clients:
        each.cancel()
    await asyncio.wait(clients)
    return held


async def _come_and_drip(port: int, begin: bytes, held: list[float]) -> None:
    while True:
        peer = Peer(port)
        started = time.monotonic()
        dripping = None
        try:
            await peer.connect()
            started = time.monotonic()
            await peer.send(begin)
            dripping = asyncio.create_task(_keep_dripping(peer))
            await peer.ended()
        except OSError:
            pass  # turned away
        finally:
            held.append(time.monotonic() - started)
            if dripping:
                dripping.cancel()
            peer.close()
        await asyncio.sleep(COME_AGAIN_AFTER_S)


async def _keep_dripping(peer: Peer) -> None:
    try:
        while True:
            await asyncio.sleep(BYTE_EVERY_S)
            await peer.send(b"x")
    except ConnectionError:
        return


async def _bad_line(port: int) -> bool:
    """Send a body at little more than 1 kB/s; tell whether it was taken."""
    content = b'{"identifier": "alice", "password": "%s"}' % (b"x" * BAD_LINE_BYTES)
    head = ANNOUNCED.replace(b"60000", b"%d" % len(content))
    peer = await Peer(port).connect()
    try:
        await peer.send(head)
        pieces = range(0, len(content), 1000)
        for start in pieces:
            await asyncio.sleep(BAD_LINE_S / len(pieces))
            await peer.send(content[start : start + 1000])
        return (await peer.answer()).status in (400, 401)
    except ConnectionError:
        return False
    finally:
        peer.close()
