"""`GET /protected` with its session check, 16 connections.

Ours reads the session and its user from the database on every request, so that
a logout acts at once; so does the stock handler, with our own modules. The
others believe the token alone, as their tutorials do.
"""

import contextlib
import tempfile
from pathlib import Path

from tests.bench import load, minting, people, servers
from tests.bench.goals import Goal, Options, median, table
from tests.bench.load import Load
from tests.bench.servers import Contestant

CONTESTANTS = (
    servers.OURS,
    servers.STOCK,
    servers.STARLETTE,
    servers.FASTAPI,
    servers.FLASK,
)
# CPU per request, ours by theirs, at most.
BOUNDS = {"FastAPI": 1 / 6, "Starlette": 1 / 3, "Flask": 1 / 14, "stock handler": 1 / 2}
ROUNDS = 5
SECONDS = 5.0
WARM_S = 1.0


def run(options: Options) -> list[Goal]:
    """Measure all in turn, some rounds, and print the medians."""
    seconds = options.seconds or SECONDS
    taken: dict[str, list[Load]] = {each.name: [] for each in CONTESTANTS}
    for _ in range(options.rounds or ROUNDS):
        for each in CONTESTANTS:
            taken[each.name].append(_measure(each, seconds))
    medians = {name: load.medians(rounds) for name, rounds in taken.items()}
    ours = medians["authserver"]
    # Of each round first, as the rounds of a busy machine differ.
    ratios = {
        name: median(
            ours.cpu_us / theirs.cpu_us
            for ours, theirs in zip(taken["authserver"], rounds, strict=True)
        )
        for name, rounds in taken.items()
    }
    heads = ("", "CPU us/req", "of theirs", "req/s", "p50 ms", "p99 ms", "RSS MiB")
    lines = [
        (
            name,
            f"{each.cpu_us:.1f}",
            f"1/{1 / ratios[name]:.1f}" if each is not ours else "",
            f"{each.per_s:,.0f}",
            f"{each.p50_ms:.2f}",
            f"{each.p99_ms:.2f}",
            f"{each.rss_mib:.0f}",
        )
        for name, each in medians.items()
    ]
    print(table(heads, lines))
    return [
        Goal(f"CPU per request, of {name}'s", ratios[name], bound)
        for name, bound in BOUNDS.items()
    ]


def _measure(contestant: Contestant, seconds: float) -> Load:
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        if contestant in (servers.OURS, servers.STOCK):
            everybody = people.settle(folder, load.CONNECTIONS)
            tokens = [person.access_token for person in everybody]
        else:
            tokens = [minting.token(number) for number in range(load.CONNECTIONS)]
        server = undo.enter_context(servers.running(contestant, folder))
        load.bearers(server, tokens, seconds=WARM_S)
        return load.bearers(server, tokens, seconds=seconds)
