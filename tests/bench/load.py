"""Load by wrk, and what the server spent on it."""

import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.bench.goals import median
from tests.bench.servers import Running

SCRIPTS = Path(__file__).parent / "wrk"
CONNECTIONS = 16


class Load(NamedTuple):
    """What a window of load showed; of several rounds, the medians."""

    cpu_us: float  # of the server's process tree, for one request
    per_s: float
    p50_ms: float
    p99_ms: float
    rss_mib: float


def bearers(
    server: Running, tokens: Iterable[str], *, seconds: float, times: int = 1_000
) -> Load:
    """GET /protected over 16 connections, with each token so many times.

    Then with the next. (A token for each connection would be more like clients,
    but no script of wrk is told which one it is asked for.)
    """
    file = server.folder / "tokens"
    file.write_text("\n".join(tokens) + "\n")
    arguments = (str(file), str(times))
    return wrk(server, "bearer.lua", "/protected", *arguments, seconds=seconds)


def wrk(
    server: Running, script: str, path: str, *arguments: str, seconds: float
) -> Load:
    """Run wrk for a while; raise if any request was not answered well."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as joined:
        parts = ("report.lua", script)
        joined.write("\n".join((SCRIPTS / part).read_text() for part in parts))
        joined.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s"]
        command += ["--timeout", "60s", "-s", joined.name, server.url + path]
        before = server.cpu_s()
        done = subprocess.run(
            [*command, "--", *arguments], capture_output=True, text=True, check=True
        )
        spent_s = server.cpu_s() - before
    told = json.loads(done.stdout.splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise RuntimeError(f"{server.name}, {path}: {told}")
    return Load(
        cpu_us=spent_s / told["requests"] * 1e6,
        per_s=told["requests"] / told["duration_us"] * 1e6,
        p50_ms=told["p50_us"] / 1000,
        p99_ms=told["p99_us"] / 1000,
        rss_mib=server.rss_mib(),
    )


def medians(rounds: list[Load]) -> Load:
    """Return the median of each figure."""
    return Load(*(median(figures) for figures in zip(*rounds, strict=True)))
