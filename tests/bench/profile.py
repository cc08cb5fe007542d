"""Where each microsecond of `GET /protected` goes.

A profiler that hooks every call would cost more than the calls. So each stage
runs here by itself, in this process, thousands of times on the same request;
what the server spends for one request is measured from outside, under load;
what the kernel takes is measured with a server that does nothing (`ceiling`).
The rest is the difference: the loop around the stages, threads, locks, and that
a stage among others finds the processor's caches colder than in its own loop.
"""

import contextlib
import hashlib
import hmac
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from authserver import jwt, logs, runtime, tokens
from authserver.app import App
from authserver.flows import authenticate
from authserver.store import sessions, users
from authserver.store.database import Transaction
from authserver.web import head, wire
from authserver.web.dispatch import Site
from authserver.web.messages import Request
from tests.bench import load, people, servers
from tests.bench.goals import Goal, Options, median, table
from tests.bench.people import Person

ROUNDS = 5
SECONDS = 3.0
BATCHES = 15
CALLS = 400
LINE = "%s %s %s %d %d %.1f"  # as the access log's
RESPOND = "site: respond, in all"
RAW = (
    "GET /protected HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
    "Authorization: Bearer {}\r\n\r\n"
)


class Stage(NamedTuple):
    """What a step takes; one with a depth is a part of the one above."""

    depth: int
    name: str
    us: float


def run(options: Options) -> list[Goal]:
    """Print the stages; there is no bound to reach."""
    rounds, seconds = options.rounds or ROUNDS, options.seconds or SECONDS
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        everybody = people.settle(folder, load.CONNECTIONS)
        stages, answer = _stages(folder, everybody[0])
        whole, kernel = [], []
        for _ in range(rounds):
            whole.append(_outside(servers.OURS, folder, everybody, seconds))
            (folder / "answer").write_bytes(answer)
            ceiling = servers.Contestant(
                "ceiling", ("-m", f"{servers.PEERS}.ceiling", "{port}", "answer")
            )
            kernel.append(_outside(ceiling, folder, everybody, seconds))
    stages.append(Stage(0, "kernel: poll, recv, send", median(kernel)))
    _print(stages, median(whole))
    return []


def _print(stages: list[Stage], whole_us: float) -> None:
    outer, parts = (
        sum(stage.us for stage in stages if stage.depth == depth) for depth in (0, 1)
    )
    respond = next(stage.us for stage in stages if stage.name == RESPOND)
    rows = [
        *stages,
        Stage(0, "the rest: loop, threads, locks", whole_us - outer),
        Stage(0, "one request", whole_us),
    ]
    where = rows.index(next(each for each in rows if each.name == "wire: encode"))
    rows.insert(where, Stage(1, "routes, headers and all else", respond - parts))
    lines = [
        (f"{'  ' * depth}{name}", f"{us:.1f}", f"{us / whole_us:.0%}")
        for depth, name, us in rows
    ]
    print(table(("CPU of GET /protected", "us", "share"), lines))


def _outside(
    contestant: servers.Contestant,
    folder: Path,
    everybody: list[Person],
    seconds: float,
) -> float:
    with servers.running(contestant, folder) as server:
        tokens = [person.access_token for person in everybody]
        load.bearers(server, tokens, seconds=1)
        return load.bearers(server, tokens, seconds=seconds).cpu_us


def _stages(folder: Path, person: Person) -> tuple[list[Stage], bytes]:
    """Return what each stage takes, and the whole answer."""
    app = runtime.create_app(people.settings(folder))
    try:
        calls, answer = _calls(app, person, folder)
        return [
            Stage(depth, name, _cost_us(call)) for depth, name, call in calls
        ], answer
    finally:
        runtime.close(app)


def _calls(
    app: App, person: Person, folder: Path
) -> tuple[list[tuple[int, str, Callable[[], Any]]], bytes]:
    raw = RAW.format(person.access_token).encode()
    parsed = head.parse(raw)
    assert parsed
    request = Request(
        parsed.method,
        parsed.path,
        parsed.query,
        parsed.headers,
        b"",
        "127.0.0.1",
        tokens.request_id(),
        parameters=MappingProxyType({}),
    )
    site = Site(app)
    response = site.respond(request)
    answer = wire.encode(response, keep_alive=True)
    access = _access_log(folder)
    keyring = app.keyring.derived(authenticate.JWT_KEY)
    url = app.settings.public_url

    def decode() -> object:
        return jwt.decode(
            person.access_token,
            keyring=keyring,
            issuer=url,
            audience=url,
            now=app.now(),
        )

    def read() -> object:
        return app.database.read(_session_and_user, person.session_id)

    signed = person.access_token.rpartition(".")[0].encode()
    key = keyring[app.keyring.current]
    return [
        (0, "head: parse", lambda: head.parse(raw)),
        (0, "head: request id", tokens.request_id),
        (0, RESPOND, lambda: site.respond(request)),
        (1, "token: jwt.decode", decode),
        (2, "of it: the HMAC", lambda: hmac.digest(key, signed, hashlib.sha256)),
        (1, "keys: derived", lambda: app.keyring.derived(authenticate.JWT_KEY)),
        (1, "database: session and user", read),
        (2, "of it: a read of nothing", lambda: app.database.read(lambda _tx: None)),
        (0, "wire: encode", lambda: wire.encode(response, keep_alive=True)),
        (
            *(0, "access log: one line"),
            lambda: access.info(LINE, "127.0.0.1", "GET", "/protected", 200, 600, 0.1),
        ),
    ], answer


def _session_and_user(tx: Transaction, session_id: str) -> object:
    session = sessions.find_by_id(tx, session_id)
    return session and users.find_by_id(tx, session.user_id)


def _access_log(folder: Path) -> logging.Logger:
    stream = open(folder / "lines", "w")  # noqa: SIM115 - as long as the process
    logs.set_up(form="text", level="info", stream=stream)
    return logging.getLogger("authserver.access")


def _cost_us(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(BATCHES):
        started = time.thread_time()
        for _ in range(CALLS):
            call()
        taken.append((time.thread_time() - started) / CALLS * 1e6)
    return median(taken)
