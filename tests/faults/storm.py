"""R14: ten times as many logins as the machine can hash.

    python -m tests.faults R14

What the machine can do is measured before and after, without any server: bcrypt
on all cores. Then people log in at ten times that pace, each from an address of
its own, and do not wait for each other. The server should complete nearly as
many as the machine can hash, and tell the others at once that it cannot; who
only asks for a token check or the health meanwhile should not notice.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt

from tests.faults.figures import Figure, at_least, at_most
from tests.faults.honest import Experience, honest_clients
from tests.faults.peers import appointments, once, request
from tests.faults.servers import Vitals, serving
from tests.processes import PASSWORD, ServerProcess, log_in

ROUNDS = 12  # the default
PEOPLE = 4
TIMES_CEILING = 10
WARM_UP = 0.2  # of the storm, in which memory may still grow
FLAT_MIB = 8
WAITING = 64  # who may, besides those whose password is being hashed
TURNS = 1.5 * (WAITING + (os.cpu_count() or 1))
IN_QUEUE_S = 60.0  # then even the last has had a turn


def run(folder: Path, *, seconds: float, ceiling_s: float) -> list[Figure]:
    """Measure the ceiling, storm, and measure it again."""
    before = _hashes_per_s(ceiling_s)
    settings = {"BCRYPT_ROUNDS": str(ROUNDS), "REQUIRE_VERIFICATION": "false"}
    with serving(folder, **settings) as server:
        for number in range(PEOPLE):
            name = _name(number)
            form = {"username": name, "email": f"{name}@example.org"}
            server.ask("POST", "/auth/register", **form, password=PASSWORD)
        storm = _Storm(server, before * TIMES_CEILING)
        asyncio.run(storm.blow(seconds))
    ceiling = (before + _hashes_per_s(ceiling_s)) / 2
    return storm.figures(ceiling)


class _Storm:
    def __init__(self, server: ServerProcess, logins_per_s: float) -> None:
        self._server = server
        self._per_s = logins_per_s
        self._seconds = 0.0
        self._logins = Experience()
        self._others = Experience()
        self._grown_mib = 0.0

    async def blow(self, seconds: float) -> None:
        token = log_in(self._server, _name(0)).payload["access_token"]
        calm = (
            request("GET", "/auth/me", bearer=token),
            request("GET", "/healthz"),
        )
        vitals = Vitals(self._server)
        started = time.monotonic()
        warm_mib = 0.0
        async with (
            asyncio.TaskGroup() as tasks,
            honest_clients(self._server.port, calm, per_s=20) as self._others,
        ):
            async for number, due in appointments(self._per_s):
                if due > started + seconds:
                    break
                if due > started + seconds * WARM_UP and not warm_mib:
                    warm_mib = vitals.rss_mib()
                tasks.create_task(self._log_in(number, due))
        # Those who came last were let in as well, so their time counts.
        self._seconds = time.monotonic() - started
        self._grown_mib = vitals.rss_mib() - warm_mib

    async def _log_in(self, number: int, due: float) -> None:
        data = request(
            "POST",
            "/auth/login",
            address=f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}",
            identifier=_name(number % PEOPLE),
            password=PASSWORD,
        )
        self._logins.note((await once(self._server.port, data, IN_QUEUE_S)).status, due)

    def figures(self, ceiling: float) -> list[Figure]:
        """Judge the storm by what the machine can hash in a second."""
        statuses = self._logins.statuses
        completed = statuses.count(200) / self._seconds
        both = list(zip(statuses, self._logins.times_s, strict=True))
        refused_s = [spent_s for status, spent_s in both if status in (429, 503)]
        lost = sum(status not in (200, 429, 503) for status in statuses)
        share = 100 * completed / ceiling
        longest_s = max((s for status, s in both if status == 200), default=0)
        return [
            at_least("logins, of what bcrypt alone does", share, 90, "%", busy=60),
            at_most("neither let in nor refused", lost, 0),
            at_most(
                "hashes while the last waited", longest_s * ceiling, TURNS, busy=TURNS
            ),
            at_most("longest refusal", max(refused_s, default=0), 1, "s", busy=3),
            at_most("others' p99", self._others.p99_ms, 100, "ms", busy=1000),
            at_least("others' requests answered", self._others.share_ok, 100, "%"),
            at_most("memory grown", self._grown_mib, FLAT_MIB, "MiB"),
        ]


def _name(number: int) -> str:
    return f"person-{number}"


def _hashes_per_s(seconds: float) -> float:
    """Return what bcrypt does on all cores, with nothing beside it."""
    cores = os.cpu_count() or 1
    salt = bcrypt.gensalt(ROUNDS)
    started = time.monotonic()

    def hash_on(_: int) -> int:
        count = 0
        while time.monotonic() < started + seconds:
            bcrypt.hashpw(PASSWORD.encode(), salt)
            count += 1
        return count

    with ThreadPoolExecutor(cores) as pool:
        done = sum(pool.map(hash_on, range(cores)))
    return done / (time.monotonic() - started)
