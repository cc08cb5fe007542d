"""Register, verify, log in: what each stage of joining costs.

A crowd registers over 16 connections, then proves its addresses with the codes
that were printed, then logs in; each stage begins when the one before is done.
bcrypt has its lowest cost, 4, so that the rest shows; what is left of it is
told apart. Each person comes from an address of their own, as a proxy would
tell it. Most of all this waits for the disk: every answer was synced before.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import bcrypt

from tests.bench import driving, load, people, servers
from tests.bench.driving import Answer
from tests.bench.goals import Goal, Options, median, table
from tests.bench.load import Load
from tests.bench.servers import Running
from tests.processes import LETTER

COST = 4
PEOPLE = 400
ROUNDS = 3
HASHES = 100
DELIVERED_WITHIN_S = 120.0
STAGES = ("register", "deliver the codes", "verify", "login")
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1/32", "BCRYPT_ROUNDS": str(COST)}


class Stage(NamedTuple):
    """What one stage took for one person."""

    per_s: float
    cpu_us: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0


def run(options: Options) -> list[Goal]:
    """Print the medians of each stage; there is no bound to reach."""
    rounds = [_measure() for _ in range(options.rounds or ROUNDS)]
    stages = {
        name: Stage(*(median(each) for each in zip(*taken, strict=True)))
        for name, taken in zip(STAGES, zip(*rounds, strict=True), strict=True)
    }
    whole_us = sum(stage.cpu_us for stage in stages.values())
    heads = ("", "per s", "CPU us", "of all CPU", "p50 ms", "p99 ms")
    lines = [
        (
            name,
            f"{stage.per_s:,.0f}",
            f"{stage.cpu_us:,.0f}",
            f"{stage.cpu_us / whole_us:.0%}",
            f"{stage.p50_ms:.1f}" if stage.p50_ms else "",
            f"{stage.p99_ms:.1f}" if stage.p99_ms else "",
        )
        for name, stage in stages.items()
    ]
    seconds = sum(1 / stage.per_s for stage in stages.values())
    lines.append(("all", f"{1 / seconds:,.0f}", f"{whole_us:,.0f}", "100%", "", ""))
    print(table(heads, lines))
    print(
        f"\nOne bcrypt of cost {COST} takes {_hash_us():,.0f} us of CPU; register and "
        "login have one each.\nCodes are delivered while people register; their own "
        "line is what was left to\ndeliver when the last had registered."
    )
    return []


def _measure() -> list[Stage]:
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        server = undo.enter_context(servers.running(servers.OURS, folder, **SETTINGS))
        everybody = [f"alice{number}" for number in range(PEOPLE)]
        registered = _stage(server, "/auth/register", everybody, _registration)
        before_s, started = server.cpu_s(), time.perf_counter()
        codes = _delivered(folder)
        delivered = Stage(
            PEOPLE / (time.perf_counter() - started),
            (server.cpu_s() - before_s) / PEOPLE * 1e6,
        )
        verified = _stage(
            server,
            "/auth/verify-otp",
            everybody,
            lambda name: {"email": _email(name), "otp": codes[_email(name)]},
        )
        logged_in = _stage(server, "/auth/login", everybody, _credentials)
        return [registered, delivered, verified, logged_in]


def _stage(
    server: Running,
    path: str,
    everybody: Iterable[str],
    body: Callable[[str], dict[str, object]],
) -> Stage:
    """Send one request for each person."""
    requests = iter(
        [
            driving.post(path, body(name), number)
            for number, name in enumerate(everybody)
        ]
    )

    def following(_number: int, _answer: Answer | None) -> bytes | None:
        return next(requests, None)

    taken: Load = driving.drive(server, following, connections=load.CONNECTIONS)
    return Stage(taken.per_s, taken.cpu_us, taken.p50_ms, taken.p99_ms)


def _registration(name: str) -> dict[str, object]:
    return {"username": name, "email": _email(name), "password": people.PASSWORD}


def _credentials(name: str) -> dict[str, object]:
    return {"identifier": name, "password": people.PASSWORD}


def _email(name: str) -> str:
    return f"{name}@example.org"


def _delivered(folder: Path) -> dict[str, str]:
    """Wait until everybody's code is printed; return the codes by address."""
    codes: dict[str, str] = {}
    deadline = time.monotonic() + DELIVERED_WITHIN_S
    while time.monotonic() < deadline:
        letters = LETTER.finditer((folder / "console").read_text())
        codes = {each["to"]: each["code"] for each in letters}
        if len(codes) == PEOPLE:
            return codes
        time.sleep(0.02)
    raise TimeoutError(f"{len(codes)} of {PEOPLE} codes were printed")


def _hash_us() -> float:
    salt = bcrypt.gensalt(COST)
    started = time.thread_time()
    for _ in range(HASHES):
        bcrypt.hashpw(people.PASSWORD.encode(), salt)
    return (time.thread_time() - started) / HASHES * 1e6
