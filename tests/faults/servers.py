"""A real server to load, and what Linux says of its process.

Limits per address are out of the way, because all clients sit on one machine;
a client may name another address as behind a proxy. Hashes are cheap unless a
row is about them.
"""

import contextlib
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.processes import GIVE_UP_S, SERVER, ServerProcess

SETTINGS = {
    "BCRYPT_ROUNDS": "4",
    "ADDRESS_REQUESTS_PER_MINUTE": "100000",
    "ADDRESS_FAILURES_PER_HOUR": "100000",
    "OTP_REQUESTS_PER_MINUTE": "60",
    "TRUSTED_PROXIES": "127.0.0.1/32",
}
TICK_S = 0.05


@contextlib.contextmanager
def serving(
    folder: Path, *, descriptors: int = 0, **settings: str
) -> Iterator[ServerProcess]:
    """Run a server in an empty folder, perhaps with few descriptors."""
    command = (sys.executable, SERVER)
    if descriptors:
        shell = f'ulimit -n {descriptors} && exec "$@"'
        command = ("sh", "-c", shell, "sh", *command)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # ours: many clients
    server = ServerProcess(folder, SETTINGS | settings, command)
    try:
        yield server.start()
    finally:
        server.kill()


class Vitals:
    """What the system says of a running server."""

    def __init__(self, server: ServerProcess) -> None:
        assert server.process
        self._process = server.process
        self._folder = Path(f"/proc/{server.process.pid}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def descriptors(self) -> int:
        return sum(1 for _ in (self._folder / "fd").iterdir())

    def threads(self) -> int:
        return sum(1 for _ in (self._folder / "task").iterdir())

    def rss_mib(self) -> float:
        fields = (self._folder / "statm").read_text().split()
        return int(fields[1]) * resource.getpagesize() / 2**20

    def cpu_s(self) -> float:
        """Return the time on a core, user and system, so far."""
        # The name of the program, in parentheses, may hold blanks.
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def settled(vitals: Vitals) -> tuple[int, int]:
    """Return descriptors and threads once they stay the same for a while."""
    deadline = time.monotonic() + GIVE_UP_S
    seen: list[tuple[int, int]] = []
    while time.monotonic() < deadline:
        seen.append((vitals.descriptors(), vitals.threads()))
        if len(seen) > 20 and len(set(seen[-20:])) == 1:
            break
        time.sleep(TICK_S)
    return seen[-1]


def reset(peer: socket.socket) -> None:
    """Close a connection so that the other side gets RST, not FIN."""
    # Lingering for no time at all means throwing away what is under way.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
