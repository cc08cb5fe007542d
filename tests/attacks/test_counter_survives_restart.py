"""A failure counter that a restart forgets, or that never reached the disk.

Vikunja counted failures in a transaction that the failure rolled back
(CVE-2026-35597); Vaultwarden changed the counter in memory only
(CVE-2026-27801). Here a real server is killed with SIGKILL between two series
of guesses, and both series count as one.
"""

import json
import os
import queue
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20
PASSWORD = "correct horse battery"
EMAIL = "alice@example.org"


class Process:
    """`python server.py` on a database, and what it prints."""

    def __init__(self, folder: Path) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": f"sqlite:///{folder / 'accounts.db'}",
            "PORT": "0",
            "PUBLIC_URL": "http://localhost:8080",
            "BCRYPT_ROUNDS": "4",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "server.py")],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout
        self._reading = threading.Thread(target=self._read, args=[self._process.stdout])
        self._reading.start()
        self.url = self.wait_for(r"listening on (http://\S+)")

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line)

    def wait_for(self, pattern: str) -> str:
        """Return what the group of `pattern` matches in the next such line."""
        while True:
            found = re.search(pattern, self._lines.get(timeout=PATIENCE_S))
            if found:
                return found[1]

    def post(self, path: str, **body: Any) -> int:
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._reading.join(PATIENCE_S)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Return what starts the server on one database, again and again."""
    started: list[Process] = []

    def start() -> Process:
        started.append(Process(tmp_path))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def server(start: Callable[[], Process]) -> Process:
    """A server at which Alice has an account."""
    process = start()
    process.post("/auth/register", username="alice", email=EMAIL, password=PASSWORD)
    code = process.wait_for(r"^([0-9]{6})$")
    assert process.post("/auth/verify-otp", email=EMAIL, otp=code) == 200
    return process


def guess(server: Process, otp: str, times: int) -> list[int]:
    return [server.post("/auth/login", email=EMAIL, otp=otp) for _ in range(times)]


def test_guesses_at_a_code_count_across_a_kill(server, start, wrong):
    server.post("/auth/otp", email=EMAIL, purpose="login")
    code = server.wait_for(r"^([0-9]{6})$")
    before = guess(server, wrong(code), 4)
    server.kill()

    restarted = start()
    after = guess(restarted, wrong(code), 4)

    assert before + after == [401] * 8
    assert restarted.post("/auth/login", email=EMAIL, otp=code) == 401


def test_one_guess_left_before_the_kill_is_left_after_it(server, start, wrong):
    server.post("/auth/otp", email=EMAIL, purpose="login")
    code = server.wait_for(r"^([0-9]{6})$")
    guess(server, wrong(code), 4)
    server.kill()

    assert start().post("/auth/login", email=EMAIL, otp=code) == 200


def test_failed_passwords_count_across_a_kill(server, start):
    for _ in range(9):
        server.post("/auth/login", email=EMAIL, password="wrong")
    server.kill()

    restarted = start()
    # The tenth and last; the address's own count in memory began afresh.
    tenth = restarted.post("/auth/login", email=EMAIL, password="wrong")
    right = restarted.post("/auth/login", email=EMAIL, password=PASSWORD)

    assert (tenth, right) == (401, 401)
