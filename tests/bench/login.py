"""A storm of logins with bcrypt over 16 connections, 30 seconds and more.

Two questions. How much of the machine becomes hashes: logins per second beside
the hashes per second that all cores make when nothing else runs. And what the
others feel meanwhile: an open loop of 50 requests per second for `/protected`,
each timed from the moment it was due, also if the one before was late. That
client has a higher priority where the user may give it one: its own wait for a
core is not the server's. Each login is another person's from another address,
as a proxy would tell it, so that no limit takes part.
"""

import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import bcrypt

from tests.bench import driving, load, minting, people, servers
from tests.bench.goals import Goal, Options, median, percentile, table
from tests.bench.load import Load
from tests.bench.servers import Contestant, Running

COST = 12  # BCRYPT_ROUNDS' default
SHARE_OF_RAW = 0.95  # of the hashes per second, at least
P99_MS = 2.0
P99_OF_FASTAPI = 1 / 10
PEOPLE = 256
ROUNDS = 3
SECONDS = 30.0
WARM_S = 2.0
RAW_SHARE = 1 / 3  # of the storm's time, spent on measuring raw bcrypt
PACED_PER_S = 50
PACED_LINES = 4  # one that waits for its answer must not keep the others back
PRIORITY = -10  # setpriority(2), below zero is before others


class Storm(NamedTuple):
    """What one storm showed."""

    logins: Load
    p50_ms: float  # of the paced requests
    p99_ms: float


def run(options: Options) -> list[Goal]:
    """Measure raw bcrypt and the storms in turn, and print the medians."""
    seconds = options.seconds or SECONDS
    raw: list[float] = []
    taken: dict[str, list[Storm]] = {
        each.name: [] for each in (servers.OURS, servers.FASTAPI)
    }
    for _ in range(options.rounds or ROUNDS):
        # Before and after ours: the machine may have changed meanwhile.
        before = _raw_hashes_per_s(seconds * RAW_SHARE / 2)
        taken[servers.OURS.name].append(_storm(servers.OURS, seconds))
        after = _raw_hashes_per_s(seconds * RAW_SHARE / 2)
        raw.append((before + after) / 2)
        taken[servers.FASTAPI.name].append(_storm(servers.FASTAPI, seconds))
    _print(raw, taken)
    ours = taken["authserver"]
    share = median(
        storm.logins.per_s / per_s for storm, per_s in zip(ours, raw, strict=True)
    )
    p99 = {
        name: median(storm.p99_ms for storm in storms) for name, storms in taken.items()
    }
    of_theirs = p99["authserver"] / p99["FastAPI"]
    return [
        Goal("logins/s, of raw bcrypt's hashes/s", share, SHARE_OF_RAW, at_least=True),
        Goal("p99 of /protected in a storm", p99["authserver"], P99_MS, unit="ms"),
        Goal("p99 of /protected in a storm, of FastAPI's", of_theirs, P99_OF_FASTAPI),
    ]


def _print(raw: list[float], taken: dict[str, list[Storm]]) -> None:
    heads = ("", "logins/s", "p50 ms", "p99 ms", "/protected p50", "p99", "RSS MiB")
    lines = [("raw bcrypt", f"{median(raw):.2f}", *[""] * 5)]
    for name, storms in taken.items():
        logins = load.medians([storm.logins for storm in storms])
        lines.append(
            (
                name,
                f"{logins.per_s:.2f}",
                f"{logins.p50_ms:,.0f}",
                f"{logins.p99_ms:,.0f}",
                f"{median(storm.p50_ms for storm in storms):.2f}",
                f"{median(storm.p99_ms for storm in storms):.2f}",
                f"{logins.rss_mib:.0f}",
            )
        )
    print(table(heads, lines))


def _raw_hashes_per_s(seconds: float) -> float:
    """Hash on all cores; bcrypt lets go of the interpreter meanwhile."""
    hashed = bcrypt.hashpw(people.PASSWORD.encode(), bcrypt.gensalt(COST))
    rates: list[float] = []

    def hash_for_a_while() -> None:
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            bcrypt.checkpw(people.PASSWORD.encode(), hashed)
            count += 1
        rates.append(count / (time.perf_counter() - started))

    threads = [
        threading.Thread(target=hash_for_a_while) for _ in range(os.cpu_count() or 1)
    ]
    _run(threads)
    return sum(rates)


def _storm(contestant: Contestant, seconds: float) -> Storm:
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        settings = {"TRUSTED_PROXIES": "127.0.0.1/32"}
        if contestant is servers.OURS:
            everybody = people.settle(folder, PEOPLE, bcrypt_rounds=COST)
            token = everybody[0].access_token
        else:
            hashed = bcrypt.hashpw(people.PASSWORD.encode(), bcrypt.gensalt(COST))
            settings = {"PASSWORD_HASH": hashed.decode()}
            token = minting.token(0)
        server = undo.enter_context(servers.running(contestant, folder, **settings))
        load.bearers(server, [token], seconds=WARM_S)
        latencies_s: list[float] = []
        paced = _paced(server, token, seconds, latencies_s)
        for thread in paced:
            thread.start()
        logins = load.wrk(
            *(server, "login.lua", "/auth/login", str(PEOPLE), people.PASSWORD),
            seconds=seconds,
        )
        for thread in paced:
            thread.join()
    p50, p99 = (percentile(latencies_s, share) * 1000 for share in (0.5, 0.99))
    return Storm(logins, p50, p99)


def _paced(
    server: Running, token: str, seconds: float, latencies_s: list[float]
) -> list[threading.Thread]:
    """Return threads that ask in turn, each when it is due."""
    request = (
        "GET /protected HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    begin = time.perf_counter() + 1.0  # once the storm has filled the queue

    def ask_when_due(first: int) -> None:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        with driving.connect(server.port) as connection:
            for number in range(first, int((seconds - 1.5) * PACED_PER_S), PACED_LINES):
                due = begin + number / PACED_PER_S
                time.sleep(max(0.0, due - time.perf_counter()))
                driving.ask(connection, request)
                latencies_s.append(time.perf_counter() - due)

    return [
        threading.Thread(target=ask_when_due, args=(first,))
        for first in range(PACED_LINES)
    ]


def _run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
