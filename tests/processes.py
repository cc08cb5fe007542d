"""Real servers for tests: `python server.py` in a folder of its own.

A server is started with a clean environment, so that nothing of the caller's
settings reaches it. What it prints goes into two files in the folder, which
survive a kill: `log` (standard error) and `console` (standard output, with the
codes that a mail server would send). With PORT=0 the port stands in the log.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
SERVER = str(ROOT / "server.py")
PASSWORD = "correct horse battery"
MEASURING = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
GIVE_UP_S = 20.0  # far above what anything here takes, also on a busy machine
LETTER = re.compile(
    r"^To: (?P<to>\S+)\nSubject: (?P<subject>[^\n]+)\n"
    r"(?:(?!^To: ).)*?^(?P<code>[0-9]{6})$",
    re.MULTILINE | re.DOTALL,
)


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` does, once that is true."""
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.002)
    raise AssertionError(f"waited in vain for {what}")


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    payload: dict[str, Any]
    headers: dict[str, str]


@dataclass
class ServerProcess:
    """A server, started by `start`; after `kill` it may be started again."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = (sys.executable, SERVER)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    stdin: int = subprocess.DEVNULL

    def start(self) -> "ServerProcess":
        """Spawn it and return once it listens."""
        before = len(self.log())
        self.spawn()
        line = re.compile(r"listening on https?://\S+:([0-9]+) ")

        def listening() -> re.Match[str] | None:
            assert self.process
            assert self.process.poll() is None, self.log()
            return line.search(self.log(), before)

        self.port = int(wait_until(listening, "a listening server")[1])
        return self

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it and return at once."""
        with (
            open(self.folder / "console", "ab") as console,
            open(self.folder / "log", "ab") as log,
        ):
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment(self.settings),
                stdin=self.stdin,
                stdout=console,
                stderr=log,
            )
        return self.process

    def log(self) -> str:
        return _text(self.folder / "log")

    def console(self) -> str:
        return _text(self.folder / "console")

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait(self) -> int:
        """Return the exit status."""
        assert self.process
        return self.process.wait(GIVE_UP_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def ask(self, method: str, path: str, *, bearer: str = "", **body: Any) -> Answer:
        """Send one request and return its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Content-Type": "application/json"} if body else {}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            data = json.dumps(body).encode() if body else None
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            payload = json.loads(answer.read() or b"{}")
            return Answer(answer.status, payload, dict(answer.getheaders()))
        finally:
            connection.close()

    def code_for(self, recipient: str) -> str:
        """Return the newest code that was printed for somebody."""
        return str(wait_until(lambda: self._code(recipient), f"a code: {recipient}"))

    def _code(self, recipient: str) -> str | None:
        letters = LETTER.finditer(self.console())
        found = [each["code"] for each in letters if each["to"] == recipient]
        return found[-1] if found else None


def join(
    server: ServerProcess, username: str = "alice", *, password: str = PASSWORD
) -> None:
    """Register somebody and prove the address."""
    email = f"{username}@example.org"
    form = {"username": username, "email": email, "password": password}
    assert server.ask("POST", "/auth/register", **form).status == 201
    proof = {"email": email, "otp": server.code_for(email)}
    assert server.ask("POST", "/auth/verify-otp", **proof).status == 200


def log_in(server: ServerProcess, username: str = "alice") -> Answer:
    """Log somebody in who joined."""
    return server.ask("POST", "/auth/login", identifier=username, password=PASSWORD)


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Return a clean environment with `settings` in it."""
    kept = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | {"PORT": "0", "PUBLIC_URL": "http://localhost:8080"} | settings


def run(
    folder: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run `server.py` with arguments to its end; what it covers counts."""
    measured = {name: os.environ[name] for name in MEASURING if name in os.environ}
    return subprocess.run(
        (sys.executable, SERVER, *arguments),
        cwd=folder,
        env=environment(settings) | measured,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_S,
        check=False,
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
