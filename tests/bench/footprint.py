"""How soon the server answers after it is started, and what it holds when idle.

    python -m tests.bench.footprint [--starts 10]

Each start gets an empty folder and no mail server, so it also makes a database
and a key. Time runs from the spawn to the last byte of the first answer;
whether it listens is asked every millisecond. Memory is the resident set after
that answer and a moment of rest, as Linux counts it.

Two bare servers are measured in the same run, because a figure means little
without the machine it was taken on: a `ThreadingHTTPServer` that answers with a
constant, and one that has also loaded SQLite and json. What we cost is the
difference.

Exit status 1 when a median is above its limit.
"""

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_LIMIT_MS = 150
RSS_LIMIT_MIB = 30
GIVE_UP_S = 10.0
REST_S = 0.3  # for threads that start late

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

# Name and command of everything measured; each is given a free port.
CONTESTANTS = {
    "authserver": (str(ROOT / "server.py"),),
    "bare ThreadingHTTPServer": ("-c", BARE),
    "bare, with sqlite3 and json": ("-c", WITH_SQLITE),
}


@dataclass(frozen=True)
class Start:
    """What one start took."""

    answer_ms: float
    rss_mib: float


def main() -> int:
    """Measure, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure start-up time and memory.")
    parser.add_argument("--starts", type=int, default=10, help="per contestant")
    options = parser.parse_args()
    measure(CONTESTANTS["authserver"])  # once for the page cache and the .pyc files
    print(
        f"{'median of ' + str(options.starts) + ' starts':<30}  first answer      idle"
    )
    medians = {name: _row(name, options.starts) for name in CONTESTANTS}
    print(
        f"{'limit for authserver':<30}  {START_LIMIT_MS:>9} ms  {RSS_LIMIT_MIB:>5} MiB"
    )
    ours = medians["authserver"]
    passed = ours.answer_ms <= START_LIMIT_MS and ours.rss_mib <= RSS_LIMIT_MIB
    print("passed" if passed else "FAILED")
    return 0 if passed else 1


def measure(command: tuple[str, ...]) -> Start:
    """Start a server in an empty folder, ask it once, weigh it, end it."""
    port = _free_port()
    # Nothing of the caller's settings, and no .pyc left to be written.
    environment = {"PATH": os.environ["PATH"], "PORT": str(port)}
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        process = subprocess.Popen(
            (
                sys.executable,
                *command,
                *(() if "server.py" in command[0] else (str(port),)),
            ),
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _first_answer(port, started)
            answer_ms = (time.perf_counter() - started) * 1000
            time.sleep(REST_S)
            return Start(answer_ms, _rss_mib(process.pid))
        finally:
            process.terminate()
            process.wait()


def _row(name: str, starts: int) -> Start:
    taken = [measure(CONTESTANTS[name]) for _ in range(starts)]
    median = Start(
        statistics.median(each.answer_ms for each in taken),
        statistics.median(each.rss_mib for each in taken),
    )
    print(f"{name:<30}  {median.answer_ms:>9.0f} ms  {median.rss_mib:>5.1f} MiB")
    return median


def _first_answer(port: int, started: float) -> None:
    while time.perf_counter() - started < GIVE_UP_S:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except ConnectionRefusedError:
            time.sleep(0.001)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError(f"nothing answers on port {port}")


def _rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kib.split()[1]) / 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
