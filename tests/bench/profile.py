"""Where each microsecond of `GET /protected` goes.

A profiler that hooks every call would cost more than the calls. So each stage
runs here by itself, in this process, thousands of times on the same request;
what the server spends for one request is measured from outside, under load;
what the kernel takes is measured with a server that does nothing (`ceiling`).
The rest is the difference: the loop and the connection around the stages, and
that a stage among others finds the processor's caches colder than in its own.

Three shares were the largest, and were attacked: verifying the token, reading
the session, and parsing the head. None of them can come to something else for a
client who asks the same again while nobody commits, so none of them is done
twice (`jwt.Verifier`, `store.readers`, `handler`); the second table has what
they cost the first time. The log line was the fourth: it is made in slices, by
the loop itself, as changing to a thread for it cost more than the line.
"""

import contextlib
import functools
import hashlib
import hmac
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from authserver import jwt, logs, runtime, tokens
from authserver.app import App
from authserver.flows import authenticate
from authserver.store import sessions
from authserver.store.database import Transaction
from authserver.web import head, wire
from authserver.web.dispatch import Site
from authserver.web.messages import Request, Response
from tests.bench import load, people, servers
from tests.bench.goals import Goal, Options, median, table
from tests.bench.people import Person

ROUNDS = 5
SECONDS = 3.0
BATCHES = 15
CALLS = 400
RESPOND = "site: respond, in all"
RAW = (
    "GET /protected HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
    "Authorization: Bearer {}\r\n\r\n"
)


Calls = list[tuple[int, str, Callable[[], object]]]  # depth, name, what is timed


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
        stages, first, answer = _stages(folder, everybody[0])
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
    lines = [(f"{'  ' * depth}{name}", f"{us:.1f}") for depth, name, us in first]
    print(table(("what a client's first request takes besides", "us"), lines))
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


def _stages(folder: Path, person: Person) -> tuple[list[Stage], list[Stage], bytes]:
    """Return what each stage takes, what the first time, and the answer."""
    app = runtime.create_app(people.settings(folder))
    with open(folder / "lines", "w") as stream:
        handler = logs.set_up(form="text", level="info", stream=stream)
        try:
            each, first, answer = _calls(app, person)
            alone = [Stage(*named, _cost_us(call)) for *named, call in first]
            app.database.end_round()  # from here on this thread reads in rounds
            again = [Stage(*named, _cost_us(call)) for *named, call in each]
            return again, alone, answer
        finally:
            logs.take_down(handler)
            runtime.close(app)


def _calls(app: App, person: Person) -> tuple[Calls, Calls, bytes]:
    """Return what each request takes, what a first one, and the answer."""
    raw = RAW.format(person.access_token).encode()
    parsed = head.parse(raw)
    assert parsed
    url, token, now = app.settings.public_url, person.access_token, app.now()
    keyring = app.keyring.derived(authenticate.JWT_KEY)
    site, verifier = Site(app), authenticate.verifier(app)
    request = Request(
        parsed.method,
        parsed.path,
        parsed.query,
        parsed.headers,
        b"",
        "127.0.0.1",
        tokens.request_id(),
    )
    response = site.respond(request)
    answer = wire.encode(response, keep_alive=True)
    noted = (time.time(), "127.0.0.1", "GET", *2 * ("/protected",), 200, 600, 1e-4, "f")
    read = functools.partial(
        app.database.read_once, sessions.find_with_user_by_id, person.session_id
    )
    signed = token.rpartition(".")[0].encode()
    key = keyring[app.keyring.current]

    def note() -> None:
        app.access.note(noted)
        app.access.work_up_slice()

    def verify() -> object:
        return jwt.decode(token, keyring=keyring, issuer=url, audience=url, now=now)

    first: Calls = [
        (0, "head: parse", lambda: head.parse(raw)),
        (0, "token: verify", verify),
        (1, "of it: the HMAC", lambda: hmac.digest(key, signed, hashlib.sha256)),
        (0, "database: session and user", read),
        (1, "of it: a read of nothing", lambda: app.database.read_once(_nothing)),
    ]
    each: Calls = [
        (0, "head: request id", tokens.request_id),
        (0, RESPOND, lambda: site.answer(request, _drop)),
        (1, "token: known, in time", lambda: verifier.decode(token, now=now)),
        (1, "database: session and user, known", read),
        (0, "wire: encode", lambda: wire.encode(response, keep_alive=True)),
        (0, "access log: count, and one line", note),
    ]
    return each, first, answer


def _nothing(_tx: Transaction) -> None:
    return None


def _drop(_response: Response) -> None:
    """Be where an answer goes."""


def _cost_us(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(BATCHES):
        started = time.thread_time()
        for _ in range(CALLS):
            call()
        taken.append((time.thread_time() - started) / CALLS * 1e6)
    return median(taken)
