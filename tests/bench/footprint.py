"""How soon the server answers after it is started, and what it holds when idle.

Each start gets an empty folder and no mail server, so it also makes a database
and a key. Time runs from the spawn to the last byte of the first answer;
whether it listens is asked every millisecond. Memory is the resident set after
that answer and a moment of rest, as Linux counts it.

Two bare servers are measured beside ours and FastAPI's: a `ThreadingHTTPServer`
that answers with a constant, and one that has also loaded SQLite and json. What
we cost is the difference.
"""

import socket
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench import processes, servers
from tests.bench.goals import Goal, Options, median, table
from tests.bench.servers import Contestant
from tests.ports import free_port

ANSWER_BOUND_MS = 100.0
RSS_BOUND_MIB = 25.0
OF_FASTAPI = 1 / 2
ROUNDS = 10
GIVE_UP_S = 10.0
REST_S = 0.3  # for threads that start late
ASK_EVERY_S = 0.001
ANSWER_BYTES = 64 * 1024

BARE = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WITH_SQLITE = "import json, sqlite3\nsqlite3.connect('peer.db')\n" + BARE

CONTESTANTS = (
    servers.OURS,
    servers.FASTAPI._replace(
        settings={"PUBLIC_URL": servers.PUBLIC_URL, "SECRET_KEY": servers.SECRET}
    ),
    Contestant("bare ThreadingHTTPServer", ("-c", BARE, "{port}")),
    Contestant("bare, with sqlite3 and json", ("-c", WITH_SQLITE, "{port}")),
)


class Start(NamedTuple):
    """What one start took."""

    answer_ms: float
    rss_mib: float


def run(options: Options) -> list[Goal]:
    """Start all in turn, some rounds, and print the medians."""
    taken: dict[str, list[Start]] = {each.name: [] for each in CONTESTANTS}
    for contestant in CONTESTANTS:  # once for the page cache and the .pyc files
        _start(contestant)
    for _ in range(options.rounds or ROUNDS):
        for contestant in CONTESTANTS:
            taken[contestant.name].append(_start(contestant))
    medians = {
        name: Start(*(median(each) for each in zip(*starts, strict=True)))
        for name, starts in taken.items()
    }
    lines = [
        (name, f"{each.answer_ms:.0f}", f"{each.rss_mib:.1f}")
        for name, each in medians.items()
    ]
    print(table(("", "first answer ms", "idle RSS MiB"), lines))
    ours, theirs = medians["authserver"], medians["FastAPI"]
    of_theirs = ours.rss_mib / theirs.rss_mib
    return [
        Goal("first answer", ours.answer_ms, ANSWER_BOUND_MS, unit="ms"),
        Goal("idle RSS", ours.rss_mib, RSS_BOUND_MIB, unit="MiB"),
        Goal("idle RSS, of FastAPI's", of_theirs, OF_FASTAPI),
    ]


def _start(contestant: Contestant) -> Start:
    """Start a server in an empty folder, ask it once, weigh it, end it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        process = servers.spawn(contestant, Path(folder), port)
        try:
            _wait_for_answer(port, started)
            answer_ms = (time.perf_counter() - started) * 1000
            time.sleep(REST_S)
            return Start(answer_ms, processes.rss_mib(process.pid))
        finally:
            process.terminate()
            process.wait()


def _wait_for_answer(port: int, started: float) -> None:
    # As cheaply as can be: who starts runs beside us, on the same few cores.
    while time.perf_counter() - started < GIVE_UP_S:
        with socket.socket() as client:
            client.settimeout(GIVE_UP_S)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                client.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                while client.recv(ANSWER_BYTES):
                    pass
                return
        time.sleep(ASK_EVERY_S)
    raise TimeoutError(f"nothing answers on port {port}")
