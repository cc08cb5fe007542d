"""Kill the server at random moments; nothing that it acknowledged may be lost.

    python -m tests.faults.crash --kills 50 [--people 8] [--seed 1]

Some people (see `people`) use a real server as fast as it answers. After a
random while it gets SIGKILL; a copy of its files is checked page by page, the
server is started again, and the people go on, each looking first whether what
was acknowledged to them still stands. In the end all who ever lived look again.

SIGKILL stands for every end of the process, not for that of the machine: what
was written but not synced survives it. Exit status 1 when anything is broken.
"""

import argparse
import contextlib
import itertools
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.people import Journal, Person, Stuck, Wire
from tests.faults.servers import SETTINGS
from tests.processes import ServerProcess

LIFE_AFTER_START_S = (0.05, 1.2)
OPERATIONS = ("register", "verify", "login", "refresh", "change", "logout", "reset")


@dataclass
class Report:
    """What came of a run."""

    journal: Journal = field(default_factory=Journal)
    restarts_s: list[float] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)  # of the files; "ok" each
    lives: int = 0

    @property
    def broken(self) -> list[str]:
        return self.journal.broken + [each for each in self.checks if each != "ok"]

    def table(self) -> str:
        counts = self.journal.counts()
        rows = [f"{'operation':<12} {'ok':>8} {'refused':>8} {'unknown':>8}"]
        for what in OPERATIONS:
            cells = (counts[what, each] for each in ("ok", "refused", "unknown"))
            rows.append(f"{what:<12} " + " ".join(f"{cell:>8}" for cell in cells))
        good = self.checks.count("ok")
        restarts_ms = [each * 1000 for each in self.restarts_s]
        rows += [
            "",
            f"kills                  {len(self.restarts_s)}",
            f"integrity_check ok     {good} of {len(self.checks)}",
            f"restart, median        {statistics.median(restarts_ms):.0f} ms",
            f"restart, longest       {max(restarts_ms):.0f} ms",
            f"people                 {self.lives}",
            f"broken promises        {len(self.broken)}",
            *(f"    {line}" for line in self.broken),
        ]
        return "\n".join(rows)


def run(folder: Path, *, kills: int, people: int = 8, seed: int = 1) -> Report:
    """Use and kill a server in an empty folder; return what came of it."""
    chance = random.Random(seed)
    report = Report()
    server = ServerProcess(folder, SETTINGS).start()
    wire = Wire(server)
    with crowd(wire, report.journal, people=people, chance=chance) as everybody:
        for _ in range(kills):
            time.sleep(chance.uniform(*LIFE_AFTER_START_S))
            server.kill()
            wire.kills += 1
            report.checks.append(_check_copy(folder))
            started = time.monotonic()
            server.start()
            report.restarts_s.append(time.monotonic() - started)
    report.lives = len(everybody)
    server.kill()
    report.checks.append(_check_copy(folder))
    return report


@contextlib.contextmanager
def crowd(
    wire: Wire, journal: Journal, *, people: int, chance: random.Random
) -> Iterator[list[Person]]:
    """Have people live during the block; then all who ever lived look again."""
    found = _Crowd(wire, journal, chance)
    threads = [threading.Thread(target=found.live_on) for _ in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield found.all
    finally:
        found.enough.set()
        for thread in threads:
            thread.join()
    found.look_once_more()


class _Crowd:
    """Everybody who ever lived; several live at a time."""

    def __init__(self, wire: Wire, journal: Journal, chance: random.Random) -> None:
        self.enough = threading.Event()
        self.all: list[Person] = []
        self._wire, self._journal, self._chance = wire, journal, chance
        self._numbers = itertools.count(1)

    def live_on(self) -> None:
        """Be one thread: one life after another."""
        while not self.enough.is_set():
            chance = random.Random(self._chance.random())
            person = Person(next(self._numbers), self._wire, self._journal, chance)
            person.kills_seen = self._wire.kills
            self.all.append(person)
            try:
                person.live()
            except Stuck:
                self.all.remove(person)  # the journal has the complaint

    def look_once_more(self) -> None:
        for person in self.all:
            try:
                person.look()
            except Stuck:
                continue


def _check_copy(folder: Path) -> str:
    """Check the files as a crash left them, in a copy: opening mends them."""
    with tempfile.TemporaryDirectory() as scratch:
        for path in folder.glob("authserver.db*"):
            shutil.copy(path, scratch)
        connection = sqlite3.connect(Path(scratch) / "authserver.db")
        try:
            verdict = connection.execute("PRAGMA integrity_check").fetchall()
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        finally:
            connection.close()
    return "ok" if verdict == [("ok",)] and not orphans else f"{verdict} {orphans}"


def main() -> int:
    """Run as often as asked, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description="Kill the server under load.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--people", type=int, default=8, help="at the same time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run(
            Path(folder), kills=options.kills, people=options.people, seed=options.seed
        )
        print(report.table())
        return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
