"""Starting ours and the peers: each a process with a clean environment.

All get a free port and a folder of their own. What they print goes into files
of that folder; ours writes its access log there, the peers write none.
"""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.bench import processes
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
GIVE_UP_S = 120.0  # a million users are checked page by page
PUBLIC_URL = "http://localhost:8080"  # not where we listen: a name, for the tokens
SECRET = "a secret of the benchmark with 32 bytes and more"
UVICORN = ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning")
PEERS = "tests.bench.peers"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Contestant(NamedTuple):
    """Something that can be started; `{port}` in its command is replaced."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str] = NOTHING


OURS = Contestant("authserver", (str(ROOT / "server.py"),))
STOCK = Contestant("stock handler", ("-m", f"{PEERS}.stock", "{port}"))
FASTAPI = Contestant(
    "FastAPI", (*UVICORN, "--no-access-log", f"{PEERS}.fastapi_app:app")
)
STARLETTE = Contestant(
    "Starlette", (*UVICORN, "--no-access-log", f"{PEERS}.starlette_app:app")
)
FLASK = Contestant(
    "Flask",
    (
        *("-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--worker-class", "gthread"),
        *("--workers", "2", "--threads", "8", "--log-level", "warning"),
        f"{PEERS}.flask_app:app",
    ),
)


class Running(NamedTuple):
    """A server that answers."""

    name: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    beside: tuple[int, ...] = ()  # processes that work for it, as a database does

    def cpu_s(self) -> float:
        return sum(processes.cpu_s(pid) for pid in (self.process.pid, *self.beside))

    def rss_mib(self) -> float:
        return processes.rss_mib(self.process.pid)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running(contestant: Contestant, folder: Path, **settings: str) -> Iterator[Running]:
    """Start a contestant in `folder`; yield it once it answers; end it."""
    port = free_port()
    common = {"PUBLIC_URL": PUBLIC_URL, "SECRET_KEY": SECRET}
    process = spawn(contestant, folder, port, **common, **settings)
    try:
        _wait_for_answer(process, port, folder)
        yield Running(contestant.name, port, folder, process)
    finally:
        process.terminate()
        process.wait()


def spawn(
    contestant: Contestant, folder: Path, port: int, **settings: str
) -> subprocess.Popen[bytes]:
    """Start a contestant and return at once."""
    command = [each.replace("{port}", str(port)) for each in contestant.command]
    with open(folder / "console", "ab") as console, open(folder / "log", "ab") as log:
        return subprocess.Popen(
            (sys.executable, *command),
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "PORT": str(port),
                **contestant.settings,
                **settings,
            },
            stdout=console,
            stderr=log,
        )


def _wait_for_answer(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
        try:
            connection.request("GET", "/protected")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.01)
        else:
            return
        finally:
            connection.close()
    log = (folder / "log").read_text(errors="replace")
    raise RuntimeError(f"no answer from {' '.join(map(str, process.args))}:\n{log}")
