"""1,000 and 5,000 idle connections beside 16 active ones.

An idle connection has had one answer and keeps silent, as a browser's does. Its
memory is what the server's resident memory grew by, divided; what the active
ones feel is their p99 with it, by their p99 without. The stock server has a
thread for each. All of it happens within the 15 s that ours lets a connection
be idle, and none may be lost.
"""

import contextlib
import resource
import socket
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.bench import driving, load, people, servers
from tests.bench.goals import Goal, Options, median, table
from tests.bench.servers import Contestant, Running

COUNTS = (1_000, 5_000)
SPARE_DESCRIPTORS = 500
ROUNDS = 3
SECONDS = 4.0
WARM_S = 2.0
KIB_BOUND = 4.0
P99_BOUND = 1.5


class Crowd(NamedTuple):
    """What a crowd of idle connections cost."""

    kib: float  # resident memory for each
    p99_before_ms: float
    p99_ms: float
    slower: float  # the latter by the former
    lost: float


def run(options: Options) -> list[Goal]:
    """Measure both servers with both crowds, and print the medians."""
    _raise_descriptor_limit()
    taken: dict[tuple[str, int], list[Crowd]] = {}
    for _ in range(options.rounds or ROUNDS):
        for contestant in (servers.OURS, servers.STOCK):
            for count in COUNTS:
                crowd = _measure(contestant, count, options.seconds or SECONDS)
                taken.setdefault((contestant.name, count), []).append(crowd)
    medians = {
        key: Crowd(*(median(each) for each in zip(*crowds, strict=True)))
        for key, crowds in taken.items()
    }
    heads = ("", "idle", "KiB each", "p99 ms without", "with", "times", "lost")
    lines = [
        (
            name,
            f"{count:,}",
            f"{crowd.kib:.2f}",
            f"{crowd.p99_before_ms:.2f}",
            f"{crowd.p99_ms:.2f}",
            f"{crowd.slower:.2f}",
            f"{crowd.lost:.0f}",
        )
        for (name, count), crowd in medians.items()
    ]
    print(table(heads, lines))
    return [goal for count in COUNTS for goal in _goals(count, medians)]


def _goals(count: int, medians: dict[tuple[str, int], Crowd]) -> list[Goal]:
    ours = medians[servers.OURS.name, count]
    name = f"{count:,} idle"
    return [
        Goal(f"{name}: memory for each", ours.kib, KIB_BOUND, unit="KiB"),
        Goal(f"{name}: p99 of the active, of none idle", ours.slower, P99_BOUND),
        Goal(f"{name}: lost", ours.lost, 0),
    ]


def _measure(contestant: Contestant, count: int, seconds: float) -> Crowd:
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        everybody = people.settle(folder, load.CONNECTIONS)
        tokens = [person.access_token for person in everybody]
        server = undo.enter_context(servers.running(contestant, folder))
        load.bearers(server, tokens, seconds=WARM_S)
        before = load.bearers(server, tokens, seconds=seconds)
        crowd = _connect(server, tokens[0], count, undo)
        kib = (server.rss_mib() - before.rss_mib) * 1024 / count
        beside = load.bearers(server, tokens, seconds=seconds)
        slower = beside.p99_ms / before.p99_ms
        lost = count - sum(_alive(each) for each in crowd)
        return Crowd(kib, before.p99_ms, beside.p99_ms, slower, lost)


def _connect(
    server: Running, token: str, count: int, undo: contextlib.ExitStack
) -> list[socket.socket]:
    request = (
        "GET /protected HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    crowd = []
    for _ in range(count):
        connection = undo.enter_context(driving.connect(server.port))
        crowd.append(connection)
        with contextlib.suppress(driving.BadAnswer, OSError):  # told as lost
            driving.ask(connection, request)
    return crowd


def _alive(connection: socket.socket) -> bool:
    """Tell whether the server still keeps this connection open."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True  # open, with nothing to read
    except OSError:
        return False
    return False  # closed, or refused with an answer


def _raise_descriptor_limit() -> None:
    """Let us, and the servers we start, open enough; exit if we may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(COUNTS) + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"tests.bench idle needs {wanted} descriptors: ulimit -Hn says {hard}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
