"""R18: half an hour of ordinary use, in which nothing may grow.

    python -m tests.faults R18 [--soak-minutes 30]

Fifty requests a second, as people make them: most ask who they are, others log
in and out, refresh, register, mistype a password, ask for a code or for a page
that is not there. Everything that expires does so in minutes, so that what is
not purged piles up, and what leaks shows as a slope.

The first third is warm-up: caches fill, threads start, and the limiter keeps
what it counts for some minutes before it forgets the first. From then on memory
is a straight line by least squares, and the slowest of a hundred requests in
the last third is compared with that in the first.
"""

import asyncio
import random
import sqlite3
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from authserver.runtime import PURGE_EVERY_S
from tests.faults.figures import Figure, at_most, p99, slope
from tests.faults.peers import Answer, appointments, once, request
from tests.faults.servers import Vitals, serving
from tests.processes import PASSWORD, ServerProcess

PER_S = 50.0
WARM_UP = 1 / 3  # of the time
SAMPLE_EVERY_S = 1.0
SETTINGS = {
    "REQUIRE_VERIFICATION": "false",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "1",
    "REFRESH_TOKEN_EXPIRE_DAYS": "0.001",
    "SESSION_IDLE_DAYS": "0.01",
    "SESSION_MAX_DAYS": "0.01",
    "OTP_EXPIRE_MINUTES": "1",
}
EXPIRING = ("sessions", "refresh_tokens", "registrations", "one_time_codes")
PURGED_WITHIN_S = PURGE_EVERY_S + 60
WAL_MIB = 64
SESSIONS = 200  # that somebody still has


class _Sample(NamedTuple):
    at_s: float
    rss_mib: float
    descriptors: int
    threads: int
    wal_mib: float


def run(folder: Path, *, minutes: float) -> list[Figure]:
    """Use a server for so long; return how it changed meanwhile."""
    with serving(folder, **SETTINGS) as server:
        soak = _Soak(server)
        asyncio.run(soak.go_on(minutes * 60))
    return soak.figures(_overdue(folder / "authserver.db"))


class _Soak:
    def __init__(self, server: ServerProcess) -> None:
        self._port = server.port
        self._vitals = Vitals(server)
        self._wal = server.folder / "authserver.db-wal"
        self._samples: list[_Sample] = []
        self._answers: list[tuple[float, float, int]] = []  # when, how long, status
        self._crowd = _Crowd(self._port)

    async def go_on(self, seconds: float) -> None:
        started = time.monotonic()
        sampling = asyncio.create_task(self._sample(started))
        async with asyncio.TaskGroup() as tasks:
            async for _, due in appointments(PER_S):
                if due > started + seconds:
                    break
                tasks.create_task(self._one(started, due))
        sampling.cancel()

    async def _one(self, started: float, due: float) -> None:
        answer = await self._crowd.do_something()
        took_s = time.monotonic() - due
        self._answers.append((due - started, took_s, answer.status))

    async def _sample(self, started: float) -> None:
        async for _ in appointments(1 / SAMPLE_EVERY_S):
            vitals = self._vitals
            wal_bytes = self._wal.stat().st_size if self._wal.exists() else 0
            self._samples.append(
                _Sample(
                    time.monotonic() - started,
                    vitals.rss_mib(),
                    vitals.descriptors(),
                    vitals.threads(),
                    wal_bytes / 2**20,
                )
            )

    def figures(self, overdue: int) -> list[Figure]:
        """Compare the end with the end of the warm-up."""
        warm = self._samples[int(len(self._samples) * WARM_UP) :]
        grown_mib = slope([(each.at_s / 3600, each.rss_mib) for each in warm])
        answers = self._answers[int(len(self._answers) * WARM_UP) :]
        third = len(answers) // 3
        first_ms = p99([took_s for _, took_s, _ in answers[:third]]) * 1000
        last_ms = p99([took_s for _, took_s, _ in answers[-third:]]) * 1000
        drift = 100 * (last_ms / first_ms - 1)
        failed = sum(status == 0 or status >= 500 for _, _, status in self._answers)
        wal_mib = max(each.wal_mib for each in self._samples)
        return [
            at_most("answered with 5xx or not at all", failed, 0),
            at_most("memory grown in an hour", grown_mib, 1, "MiB"),
            at_most("descriptors grown", _grown([s.descriptors for s in warm]), 5),
            at_most("threads grown", _grown([s.threads for s in warm]), 5),
            at_most(f"p99 drifted from {first_ms:.1f} ms", drift, 20, "%", busy=200),
            at_most("write-ahead log", wal_mib, WAL_MIB, "MiB"),
            at_most("rows whose purge is overdue", overdue, 0),
        ]


def _grown(counts: list[int]) -> float:
    third = len(counts) // 3
    return statistics.median(counts[-third:]) - statistics.median(counts[:third])


class _Crowd:
    """People who have sessions, and do one thing or another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._people = 0
        self._sessions: deque[dict[str, str]] = deque(maxlen=SESSIONS)  # tokens
        self._shares: dict[Callable[[], Awaitable[Answer]], int] = {
            self._look: 60,
            self._log_in: 10,
            self._refresh: 10,
            self._log_out: 5,
            self._register: 4,
            self._mistype: 4,
            self._ask_for_code: 4,
            self._get_lost: 3,
        }

    async def do_something(self) -> Answer:
        if not self._people:
            await self._register()
        if not self._sessions:
            return await self._log_in()
        return await random.choices([*self._shares], [*self._shares.values()])[0]()

    async def _look(self) -> Answer:
        bearer = random.choice(self._sessions)["access_token"]
        return await self._ask("GET", "/auth/me", bearer=bearer)

    async def _log_in(self) -> Answer:
        form = {"identifier": self._anybody(), "password": PASSWORD}
        return self._opened(await self._ask("POST", "/auth/login", **form))

    async def _refresh(self) -> Answer:
        form = {"refresh_token": self._sessions.pop()["refresh_token"]}
        return self._opened(await self._ask("POST", "/auth/refresh", **form))

    async def _log_out(self) -> Answer:
        bearer = self._sessions.popleft()["access_token"]
        return await self._ask("POST", "/auth/logout", bearer=bearer)

    async def _register(self) -> Answer:
        name = f"p{self._people:06d}"
        self._people += 1
        form = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        return await self._ask("POST", "/auth/register", **form)

    async def _mistype(self) -> Answer:
        form = {"identifier": self._anybody(), "password": PASSWORD.title()}
        return await self._ask("POST", "/auth/login", **form)

    async def _ask_for_code(self) -> Answer:
        email = f"{self._anybody()}@example.org"
        return await self._ask("POST", "/auth/otp", identifier=email)

    async def _get_lost(self) -> Answer:
        return await self._ask("GET", f"/{random.randrange(1000)}")

    def _anybody(self) -> str:
        return f"p{random.randrange(self._people):06d}"

    def _opened(self, answer: Answer) -> Answer:
        if answer.status == 200:
            self._sessions.append(answer.payload)
        return answer

    async def _ask(self, method: str, path: str, **values: str) -> Answer:
        address = f"10.0.{random.randrange(8)}.1"
        return await once(self._port, request(method, path, address=address, **values))


def _overdue(database: Path) -> int:
    """Count the rows that expired long before the last purge."""
    before = int(time.time()) - PURGED_WITHIN_S
    connection = sqlite3.connect(database)
    try:
        return sum(
            connection.execute(
                f"SELECT count(*) FROM {table} WHERE expires_at <= ?", (before,)
            ).fetchone()[0]
            for table in EXPIRING
        )
    finally:
        connection.close()
