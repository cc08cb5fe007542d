"""Row R19: stopping, upgrading and losing a worker while people are served.

Some people (see `people`) use the server all the while and keep a journal of
what was acknowledged to them; after each event, and in the end, they look
whether all of it still stands.

    stop       SIGTERM to one process on SQLite, which is then started again
    upgrade    SIGHUP to the parent of three on MariaDB, behind nginx: each is
               replaced, as for an upgrade of the files
    kill       SIGKILL to one of the three, directly: who was not just being
               answered by that one notices nothing

The schema is the same for the old and the new ones, as no migration lies
between them; that a newer schema is refused, and one that stopped half-way is
finished, is held by tests/test_migrations.py and tests/store.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.databases import MariaDB
from tests.faults.crash import crowd
from tests.faults.figures import Figure, at_least, at_most
from tests.faults.people import Journal, Wire
from tests.faults.servers import SETTINGS
from tests.processes import ServerProcess, wait_until
from tests.web import proxies

WORKERS = 3
BETWEEN_S = 1.0  # of serving, before each event
SERVES = "listening on"  # what each worker logs, once


class Entrance(NamedTuple):
    """The proxy's port, and the folder of what stands behind it."""

    port: int
    folder: Path


def run(folder: Path, *, people: int, times: int) -> list[Figure]:
    """Do each of it so often, with so many people at once."""
    with mariadb() as server:
        several = [_settings(server, f"test_{name}") for name in ("upgrade", "kill")]
        return [
            *_stop(_made(folder / "stop"), people, times),
            *_upgrade(_made(folder / "upgrade"), several[0], people, times),
            *_kill(_made(folder / "kill"), several[1], people, times),
        ]


def _stop(folder: Path, people: int, times: int) -> list[Figure]:
    server = ServerProcess(folder, SETTINGS).start()
    wire, journal, took_s, statuses = Wire(server), Journal(), [], set()
    with crowd(wire, journal, people=people, chance=random.Random(19)):
        for _ in range(times):
            time.sleep(BETWEEN_S)
            started = time.monotonic()
            server.signal(signal.SIGTERM)
            statuses.add(server.wait())
            took_s.append(time.monotonic() - started)
            wire.kills += 1
            server.start()
    server.kill()
    return [
        at_most("stop: longest", max(took_s), 10, "s"),
        at_most("stop: worst exit status", max(statuses), 0),
        *_kept("stop", wire, journal),
    ]


def _upgrade(
    folder: Path, settings: dict[str, str], people: int, times: int
) -> list[Figure]:
    server = _start(folder, settings)
    took_s = []
    with proxies.nginx(_made(folder / "nginx"), server.port, buffering=True) as proxy:
        wire, journal = Wire(Entrance(proxy.port, folder)), Journal()
        with crowd(wire, journal, people=people, chance=random.Random(20)):
            for _ in range(times):
                time.sleep(BETWEEN_S)
                took_s.append(_replace_all(server))
                wire.kills += 1
    status = _end(server)
    return [
        at_most("upgrade: longest for all three", max(took_s), 45, "s"),
        at_most("upgrade: exit status in the end", status, 0),
        # Busy: a connection that has come, but not its request, when its worker
        # is told to stop.
        at_most("upgrade: answers 5xx through nginx", _failed(wire), 0),
        *_kept("upgrade", wire, journal),
    ]


def _kill(
    folder: Path, settings: dict[str, str], people: int, times: int
) -> list[Figure]:
    server = _start(folder, settings)
    wire, journal = Wire(server), Journal()
    with crowd(wire, journal, people=people, chance=random.Random(21)):
        for _ in range(times):
            time.sleep(BETWEEN_S)
            serving = server.log().count(SERVES)
            os.kill(workers(server)[0], signal.SIGKILL)
            _wait_for(server, serving + 1)
            wire.kills += 1
    status = _end(server)
    return [
        at_most("kill: requests that failed, each kill", _failed(wire) / times, people),
        at_most("kill: exit status in the end", status, 0),
        *_kept("kill", wire, journal),
    ]


def _kept(what: str, wire: Wire, journal: Journal) -> list[Figure]:
    return [
        at_least(f"{what}: answers meanwhile", wire.statuses[200], 50, busy=40),
        at_most(f"{what}: acknowledged and lost", len(journal.broken), 0),
    ]


def _failed(wire: Wire) -> int:
    """How many requests had no answer, or one that says so."""
    return sum(count for status, count in wire.statuses.items() if not 0 < status < 500)


def _replace_all(server: ServerProcess) -> float:
    """Replace all workers; return how long that took."""
    before, started = set(workers(server)), time.monotonic()
    server.signal(signal.SIGHUP)
    wait_until(
        lambda: len(now := set(workers(server))) == WORKERS and not now & before,
        "new workers in place of all",
    )
    return time.monotonic() - started


def _start(folder: Path, settings: dict[str, str]) -> ServerProcess:
    server = ServerProcess(folder, settings).start()
    _wait_for(server, WORKERS)
    return server


def _wait_for(server: ServerProcess, serving: int) -> None:
    wait_until(lambda: server.log().count(SERVES) >= serving, "workers that serve")


def _end(server: ServerProcess) -> int:
    server.signal(signal.SIGTERM)
    return server.wait()


def workers(server: ServerProcess) -> list[int]:
    """Process ids of the workers, the oldest first."""
    assert server.process
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in children]


@contextlib.contextmanager
def mariadb() -> Iterator[MariaDB]:
    """Yield a server of its own."""
    server = MariaDB().start().make_user()
    try:
        yield server
    finally:
        server.wipe()


def _settings(server: MariaDB, name: str) -> dict[str, str]:
    """Return the settings of several workers on a database that is empty."""
    server.run(f"CREATE DATABASE {name}")
    own = {"DATABASE_URL": server.url(name), "SECRET_KEY": "a key of the tests" * 3}
    return SETTINGS | own | {"WORKERS": str(WORKERS)}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
