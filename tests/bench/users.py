"""A thousand, a hundred thousand, a million users: what each request costs.

Every user has an open session and a live refresh token; the load falls on a
random thousand of them. The three databases stand side by side and are measured
in turn, on SQLite and on MariaDB. bcrypt has its lowest cost, 4, which leaves a
login's price to the database. Cost is CPU per request, the database server's
included; of a server behind TEST_MYSQL_URL, whose CPU is not ours to see, it is
the median latency. The private MariaDB writes its log once a second, not at
each commit: the disk would hide what the rows cost.
"""

import contextlib
import json
import os
import random
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from authserver import runtime
from tests import databases
from tests.bench import driving, filling, load, people, servers
from tests.bench.driving import Answer
from tests.bench.goals import Goal, Options, median, table
from tests.bench.load import Load
from tests.bench.servers import Running

COUNTS = (1_000, 100_000, 1_000_000)
SAMPLE = 1_000
COST = 4
BOUND = 1.3
ROUNDS = 3
SECONDS = 3.0
WARM_S = 1.0
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1/32", "BCRYPT_ROUNDS": str(COST)}
# Room for all of it, as who has a million users would give it.
MARIADB_OPTIONS = ("--innodb-buffer-pool-size=2G", "--innodb-log-file-size=512M")


class Place(NamedTuple):
    """A filled database, a server on it, and whom the load falls on."""

    server: Running
    numbers: list[int]
    access_tokens: list[str]
    refresh_tokens: deque[str]


def run(options: Options) -> list[Goal]:
    """Measure on both engines, and print the medians."""
    goals = _compare("SQLite", options, _sqlite)
    if databases.MYSQL_URL:
        return goals + _compare("MySQL", options, _mysql)
    return goals + _compare("MariaDB", options, _mariadb)


Open = Callable[[contextlib.ExitStack], Iterator[Place]]


def _compare(engine: str, options: Options, places: Open) -> list[Goal]:
    seconds = options.seconds or SECONDS
    by_latency = engine == "MySQL"
    taken: dict[str, list[list[Load]]] = {name: [] for name in WORKS}
    with contextlib.ExitStack() as undo:
        opened = list(places(undo))
        for place in opened:
            for work in WORKS.values():
                work(place, WARM_S)
        for _ in range(options.rounds or ROUNDS):
            for name, work in WORKS.items():
                taken[name].append([work(place, seconds) for place in opened])
    unit = "p50 ms" if by_latency else "CPU us"
    heads = (engine, *(f"{count:,}" for count in COUNTS), f"{unit}, last by first")
    lines, goals = [], []
    for name, rounds in taken.items():
        costs = [
            [each.p50_ms if by_latency else each.cpu_us for each in loads]
            for loads in rounds
        ]
        grown = median(cost[-1] / cost[0] for cost in costs)
        figures = [f"{median(column):,.4g}" for column in zip(*costs, strict=True)]
        lines.append((name, *figures, f"{grown:.2f}"))
        goals.append(Goal(f"{engine}, {name}: a million by a thousand", grown, BOUND))
    print(table(heads, lines), "\n")
    return goals


def _check(place: Place, seconds: float) -> Load:
    tokens = place.access_tokens
    return load.bearers(place.server, tokens, seconds=seconds, times=1)


def _refresh(place: Place, seconds: float) -> Load:
    waiting = place.refresh_tokens

    def following(_number: int, answer: Answer | None) -> bytes:
        if answer is not None:
            waiting.append(json.loads(answer.body)["refresh_token"])
        body = {"refresh_token": waiting.popleft()}
        return driving.post("/auth/refresh-token", body, random.getrandbits(24))

    return driving.drive(place.server, following, seconds=seconds)


def _login(place: Place, seconds: float) -> Load:
    def following(_number: int, _answer: Answer | None) -> bytes:
        name = filling.username(random.choice(place.numbers))
        body = {"identifier": name, "password": people.PASSWORD}
        return driving.post("/auth/login", body, random.getrandbits(24))

    return driving.drive(place.server, following, seconds=seconds)


WORKS = {"session check": _check, "refresh": _refresh, "login": _login}


def _sqlite(undo: contextlib.ExitStack) -> Iterator[Place]:
    for count in COUNTS:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/authserver.db"
        hashed = _make_schema(folder, url)
        with _told("SQLite", count):
            filling.fill_sqlite(folder, count, hashed, now=int(time.time()))
        yield _place(undo, folder, url, count)


def _mariadb(undo: contextlib.ExitStack) -> Iterator[Place]:
    mariadb = databases.MariaDB(*MARIADB_OPTIONS)
    undo.callback(mariadb.wipe)
    mariadb.start().make_user()
    assert mariadb.process
    for place in _on_server(undo, mariadb.url("mysql")):
        # What the database does for a request is a part of its cost.
        server = place.server._replace(beside=(mariadb.process.pid,))
        yield place._replace(server=server)


def _mysql(undo: contextlib.ExitStack) -> Iterator[Place]:
    yield from _on_server(undo, databases.MYSQL_URL)


def _on_server(undo: contextlib.ExitStack, base: str) -> Iterator[Place]:
    connection = undo.enter_context(contextlib.closing(databases.connect(base)))
    cursor = connection.cursor()
    for count in COUNTS:
        name = f"test_bench_{os.getpid()}_{count}"
        cursor.execute(f"CREATE DATABASE {name}")
        undo.callback(cursor.execute, f"DROP DATABASE {name}")
        url = f"{base.rpartition('/')[0]}/{name}"
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        hashed = _make_schema(folder, url)
        with _told("MySQL", count):
            filling.fill_mysql(url, count, hashed, now=int(time.time()))
        yield _place(undo, folder, url, count)


def _make_schema(folder: Path, url: str) -> str:
    """Make the tables; return the hash of everybody's password."""
    settings = people.settings(folder, database_url=url, bcrypt_rounds=COST)
    app = runtime.create_app(settings)
    try:
        return app.hasher.hash(people.PASSWORD)
    finally:
        runtime.close(app)


def _place(undo: contextlib.ExitStack, folder: Path, url: str, count: int) -> Place:
    app = runtime.create_app(people.settings(folder, database_url=url))
    numbers = random.sample(range(count), SAMPLE)
    access_tokens = [
        people.access_token(app, filling.user_id(n), filling.session_id(n))
        for n in numbers
    ]
    runtime.close(app)
    server = undo.enter_context(
        servers.running(servers.OURS, folder, DATABASE_URL=url, **SETTINGS)
    )
    waiting = deque(filling.refresh_token(number) for number in numbers)
    return Place(server, numbers, access_tokens, waiting)


@contextlib.contextmanager
def _told(engine: str, count: int) -> Iterator[None]:
    started = time.monotonic()
    yield
    took_s = time.monotonic() - started
    print(f"{engine}: {count:,} users written in {took_s:.0f} s", flush=True)
