"""Refresh over 16 connections, each rotating a chain of its own, all synced.

Every answer was on disk before it was sent. The peer is the same server with
one commit, so one sync, for each transaction. Both run once more with a
millisecond added to each sync (`slow_sync.c`, put before the C library), as on
a disk that is not of this year: there it shows what sharing a sync is worth.
"""

import contextlib
import json
import subprocess
import tempfile
from pathlib import Path

from tests.bench import driving, load, people, servers
from tests.bench.driving import Answer
from tests.bench.goals import Goal, Options, median, table
from tests.bench.load import Load
from tests.bench.people import Person
from tests.bench.servers import Contestant

ONE_COMMIT = Contestant("one commit each", ("-m", f"{servers.PEERS}.one_commit"))
BOUND = 5.0
ROUNDS = 5
SECONDS = 5.0
WARM_S = 1.0


def run(options: Options) -> list[Goal]:
    """Measure both with both disks in turn, and print the medians."""
    taken: dict[str, list[Load]] = {}
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "slow_sync.so"
        source = str(Path(__file__).parent / "slow_sync.c")
        command = ("cc", "-shared", "-fPIC", "-O2", "-o", str(shim), source)
        subprocess.run(command, check=True)
        for _ in range(options.rounds or ROUNDS):
            for contestant in (servers.OURS, ONE_COMMIT):
                for disk, preload in (("", ""), (", +1 ms", str(shim))):
                    measured = _measure(contestant, preload, options.seconds or SECONDS)
                    taken.setdefault(contestant.name + disk, []).append(measured)
    lines = [
        (
            name,
            f"{each.per_s:,.0f}",
            f"{each.cpu_us:.0f}",
            f"{each.p50_ms:.1f}",
            f"{each.p99_ms:.1f}",
        )
        for name, each in ((n, load.medians(rounds)) for n, rounds in taken.items())
    ]
    print(table(("", "refreshes/s", "CPU us/req", "p50 ms", "p99 ms"), lines))
    pairs = zip(
        taken["authserver, +1 ms"], taken["one commit each, +1 ms"], strict=True
    )
    times = median(ours.per_s / theirs.per_s for ours, theirs in pairs)
    what = "refreshes/s with 1 ms added to a sync, of one commit each"
    return [Goal(what, times, BOUND, at_least=True)]


class Chains:
    """Requests that spend the token which the last answer brought."""

    def __init__(self, everybody: list[Person]) -> None:
        self._everybody = everybody
        self._requests = 0

    def __call__(self, number: int, answer: Answer | None) -> bytes:
        """Return the next request of the chain on connection `number`."""
        if answer is None:
            token = self._everybody[number].refresh_token
        else:
            token = json.loads(answer.body)["refresh_token"]
        self._requests += 1
        body = {"refresh_token": token}
        # A thousand clients who come back, each within its limit.
        return driving.post("/auth/refresh-token", body, self._requests % 1000)


def _measure(contestant: Contestant, preload: str, seconds: float) -> Load:
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        everybody = people.settle(folder, 2 * load.CONNECTIONS)
        settings = {"LD_PRELOAD": preload} if preload else {}
        server = undo.enter_context(
            servers.running(
                contestant, folder, TRUSTED_PROXIES="127.0.0.1/32", **settings
            )
        )
        warm, measured = everybody[::2], everybody[1::2]
        driving.drive(server, Chains(warm), seconds=WARM_S)
        return driving.drive(server, Chains(measured), seconds=seconds)
