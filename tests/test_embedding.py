"""authserver inside another program: starts, stops, leaves nothing behind.

Sockets and threads are real here; the program is this test.
"""

import http.client
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authserver import Running, Settings, SettingsError, create_app, serve
from tests.processes import GIVE_UP_S, ROOT, environment, wait_until

PASSWORD = "correct horse battery"


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], Running]:
    """Return what starts a server with a database of the given name."""

    def start(name: str) -> Running:
        file = tmp_path / f"{name}.db"
        settings = Settings(port=0, database_url=f"sqlite:///{file}", bcrypt_rounds=4)
        return serve(create_app(settings))

    return start


def ask(running: Running, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"))
    headers = {"Content-Type": "application/json"}
    connection.request("POST" if body else "GET", path, json.dumps(body), headers)
    answer = connection.getresponse()
    payload = json.loads(answer.read())
    connection.close()
    return answer.status, payload


def join(running: Running, username: str, console: pytest.CaptureFixture[str]) -> int:
    """Register, prove and log in; return the status of the login."""
    email = f"{username}@example.org"
    form = {"username": username, "email": email, "password": PASSWORD}
    assert ask(running, "/auth/register", **form)[0] == 201
    printed = ""

    def code() -> str | None:
        nonlocal printed
        printed += console.readouterr().out
        digits = [line for line in printed.splitlines() if line.isdigit()]
        return digits[-1] if digits else None

    proof = {"email": email, "otp": wait_until(code, "a printed code")}
    assert ask(running, "/auth/verify-otp", **proof)[0] == 200
    return ask(running, "/auth/login", identifier=username, password=PASSWORD)[0]


def footprint() -> dict[str, Any]:
    """Everything that a part of a program could leave behind in it."""
    descriptors = {}
    for each in Path("/proc/self/fd").iterdir():
        try:
            descriptors[each.name] = os.readlink(each)
        except FileNotFoundError:
            continue  # the one that lists
    logger = logging.getLogger("authserver")
    return {
        "threads": sorted(each.name for each in threading.enumerate()),
        "descriptors": descriptors,
        "signals": [signal.getsignal(each) for each in signal.valid_signals()],
        "log handlers": [*logging.getLogger().handlers, *logger.handlers],
        "log level": (logger.level, logger.propagate),
        "environment": dict(os.environ),
        "excepthook": (sys.excepthook, threading.excepthook),
    }


def test_main_job_works_inside_another_program(start, capsys):
    running = start("accounts")

    assert join(running, "alice", capsys) == 200

    running.stop()


def test_nothing_is_left_behind(start, capsys):
    before = footprint()

    running = start("accounts")
    join(running, "alice", capsys)
    running.stop()

    assert footprint() == before


def test_second_run_in_one_process_finds_what_the_first_left(start, capsys):
    first = start("accounts")
    join(first, "alice", capsys)
    first.stop()

    second = start("accounts")

    login = {"identifier": "alice", "password": PASSWORD}
    assert ask(second, "/auth/login", **login)[0] == 200
    second.stop()


def test_two_servers_side_by_side_know_nothing_of_each_other(start, capsys):
    one, other = start("one"), start("other")
    join(one, "alice", capsys)

    login = {"identifier": "alice", "password": PASSWORD}
    here, there = ask(one, "/auth/login", **login), ask(other, "/auth/login", **login)

    assert (here[0], there[0]) == (200, 401)
    one.stop()
    assert ask(other, "/readyz")[0] == 200
    other.stop()


def test_token_of_one_server_is_worthless_at_another(start, capsys):
    one, other = start("one"), start("other")
    join(one, "alice", capsys)
    _, pair = ask(one, "/auth/login", identifier="alice", password=PASSWORD)

    token = {"refresh_token": pair["refresh_token"]}

    assert ask(other, "/auth/refresh", **token)[0] == 401
    assert ask(one, "/auth/refresh", **token)[0] == 200
    one.stop()
    other.stop()


def test_server_may_run_and_stop_in_any_thread(start):
    stopped = []

    def program() -> None:
        running = start("accounts")
        stopped.append(ask(running, "/healthz")[0])
        running.stop()

    thread = threading.Thread(target=program)
    thread.start()
    thread.join(GIVE_UP_S)

    assert stopped == [200]


def test_stopping_again_changes_nothing(start):
    running = start("accounts")
    running.stop()
    before = footprint()

    running.stop()

    assert footprint() == before


def test_start_and_immediate_stop_leaves_nothing(start):
    before = footprint()

    for _ in range(20):
        start("accounts").stop()

    assert footprint() == before


def test_refused_start_leaves_nothing(start, tmp_path):
    running = start("accounts")
    port = int(running.url.rpartition(":")[2])
    before = footprint()

    app = create_app(Settings(port=port, database_url=f"sqlite:///{tmp_path}/b.db"))
    with pytest.raises(SettingsError, match=r"PORT .* cannot be opened"):
        serve(app)
    app.hashing.close()
    app.database.close()

    assert footprint() == before
    running.stop()


def test_forgotten_stop_does_not_keep_the_program_alive(tmp_path):
    program = (
        "from authserver import Settings, create_app, serve\n"
        "serve(create_app(Settings(port=0)))\n"
        "print('end of the program')\n"
    )

    ended = subprocess.run(
        (sys.executable, "-c", program),
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=GIVE_UP_S,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (0, "end of the program\n")
