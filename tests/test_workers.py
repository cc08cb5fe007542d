"""WORKERS=n: several processes on one port, and what each one's end means.

Real processes on a real MariaDB, each test with a port of its own.
"""

import contextlib
import os
import pty
import re
import signal
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import certificates
from tests.databases import HAVE_MARIADB
from tests.processes import (
    ROOT,
    ServerProcess,
    join,
    log_in,
    run,
    wait_until,
)

pytestmark = [
    pytest.mark.skipif(not HAVE_MARIADB, reason="needs MariaDB"),
    pytest.mark.usefixtures("hearing"),
]

SECRET_KEY = "of the tests: a key for all workers"
WORKERS = 3
PATIENCE_S = 20
LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture
def settings(servers) -> dict[str, str]:
    return {
        "DATABASE_URL": servers.url("mariadb"),
        "SECRET_KEY": SECRET_KEY,
        "WORKERS": str(WORKERS),
        "BCRYPT_ROUNDS": "4",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }


@pytest.fixture
def stopped(tmp_path: Path, settings: dict[str, str]) -> Iterator[ServerProcess]:
    """A server that has not been started."""
    server = ServerProcess(tmp_path, settings)
    yield server
    if server.process and server.process.poll() is None:
        orphans = workers_of(server)
        server.kill()
        wait_until(lambda: not any(map(alive, orphans)), "the workers' end")


@pytest.fixture
def server(stopped: ServerProcess) -> ServerProcess:
    """A server all of whose workers serve."""
    stopped.start()
    wait_until(lambda: listening(stopped) == WORKERS, "all workers")
    return stopped


def listening(server: ServerProcess) -> int:
    """How many workers have said that they serve, so far."""
    return server.log().count("listening on")


def workers_of(server: ServerProcess) -> list[int]:
    """Process ids of the workers that are alive."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid for pid in map(int, children) if alive(pid)]


def states(pid: int) -> set[str]:
    """The states of all threads of a process: T when it was stopped."""
    found = set()
    for each in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.add(each.read_text().rpartition(")")[2].split()[0])
    return found


def alive(pid: int) -> bool:
    return bool(states(pid) - {"Z"})


def answers(server: ServerProcess) -> int:
    """Return the status of a request on a connection of its own."""
    return server.ask("GET", "/healthz").status


# -- starting


def test_each_worker_speaks_tls(stopped, tmp_path):
    made = certificates.make(tmp_path / "made")
    stopped.settings |= {"TLS_CERT": str(made.certificate), "TLS_KEY": str(made.key)}
    stopped.settings["PUBLIC_URL"] = "https://localhost:8080"
    stopped.start()
    wait_until(lambda: listening(stopped) == WORKERS, "all workers")
    address = ("localhost", stopped.port)

    shown = {
        ssl.get_server_certificate(address, ca_certs=str(made.certificate))
        for _ in range(20)
    }

    assert {each.strip() for each in shown} == {made.certificate.read_text().strip()}


def test_all_workers_serve_one_port_and_one_set_of_accounts(server):
    join(server)

    assert len(workers_of(server)) == WORKERS
    bearer = log_in(server).payload["access_token"]
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(server.ask, "GET", "/protected", bearer=bearer)
            for _ in range(60)
        ]
    assert {each.result().status for each in asked} == {200}


def test_forty_guesses_at_all_workers_are_ten(server):
    proof = {"email": "alice@example.org", "otp": "000000"}

    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(server.ask, "POST", "/auth/verify-otp", **proof)
            for _ in range(40)
        ]
    statuses = Counter(each.result().status for each in asked)

    assert statuses == {401: 10, 429: 30}


def test_logout_is_known_to_all_workers_at_once(server):
    join(server)
    bearer = log_in(server).payload["access_token"]

    server.ask("POST", "/auth/logout", bearer=bearer)
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(server.ask, "GET", "/protected", bearer=bearer)
            for _ in range(40)
        ]

    assert {each.result().status for each in asked} == {401}


def test_workers_are_started_by_the_command_that_started_the_parent(stopped):
    stopped.command = (sys.executable, "-X", "utf8", "-m", "authserver", "serve")
    stopped.settings["PYTHONPATH"] = str(ROOT)

    stopped.start()

    commands = [
        Path(f"/proc/{each}/cmdline").read_text().split("\0")[1:6]
        for each in workers_of(stopped)
    ]
    assert commands[0] == ["-X", "utf8", "-m", "authserver", "worker"]


def test_parent_is_small_and_loads_neither_database_nor_http(server):
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    status = Path(f"/proc/{server.process.pid}/status").read_text()

    assert "mysql" not in maps
    assert "sqlite" not in maps
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) < 24 * 1024


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": "short"}, "authserver: SECRET_KEY"),
        ({"DATABASE_URL": "mysql://test:wrong@127.0.0.1:1/x"}, "authserver: The data"),
        ({"DATABASE_URL": ""}, "authserver: WORKERS above 1 needs MySQL"),
        ({"HOST": "192.0.2.1"}, "authserver: PORT 0 on HOST 192.0.2.1 cannot be"),
    ],
)
def test_what_cannot_work_is_said_once_and_ends_it(
    tmp_path, settings, changes, sentence
):
    ended = run(tmp_path, **(settings | changes))

    assert ended.returncode == 2
    assert ended.stderr.count("authserver: ") == 1
    assert sentence in ended.stderr


def test_taken_port_is_said_before_any_worker_starts(tmp_path, settings):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = run(tmp_path, **settings, PORT=port)

    assert ended.returncode == 2
    assert "cannot be opened: Address already in use" in ended.stderr


# -- stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_ends_all_of_them_in_order(server, number):
    workers = workers_of(server)

    server.signal(number)

    assert server.wait() == 0
    assert not any(map(alive, workers))
    assert "Traceback" not in server.log()


def test_worker_that_does_not_end_is_killed(server):
    stuck = workers_of(server)[0]
    os.kill(stuck, signal.SIGSTOP)

    server.signal(signal.SIGTERM)

    assert server.wait() == 1
    assert not alive(stuck)
    assert f"worker {stuck} did not end in time: killed" in server.log()


def test_dead_parent_takes_its_workers_along_and_leaves_the_port(server):
    workers = workers_of(server)
    server.settings["PORT"] = str(server.port)

    server.kill()
    wait_until(lambda: not any(map(alive, workers)), "the workers' end")
    server.start()

    assert answers(server) == 200


# -- dying


def test_dead_worker_is_replaced_and_the_others_serve_on(server):
    victim = workers_of(server)[0]

    os.kill(victim, signal.SIGKILL)
    statuses = {answers(server) for _ in range(50)}
    wait_until(lambda: listening(server) == WORKERS + 1, "another worker")

    assert statuses == {200}
    assert len(workers_of(server)) == WORKERS
    assert victim not in workers_of(server)
    assert f"worker {victim} ended with signal 9" in server.log()


def test_connection_that_waits_when_its_worker_dies_is_accepted_by_another(
    stopped,
):
    stopped.settings["WORKERS"] = "2"
    stopped.start()
    wait_until(lambda: listening(stopped) == 2, "both workers")
    workers = workers_of(stopped)
    for each in workers:  # nobody accepts any more
        os.kill(each, signal.SIGSTOP)
    wait_until(lambda: all(states(each) == {"T"} for each in workers), "silence")

    with contextlib.ExitStack() as closing:
        waiting = [
            closing.enter_context(socket.create_connection(there, PATIENCE_S))
            for there in [("127.0.0.1", stopped.port)] * 20
        ]
        for each in waiting:
            each.sendall(LAST)
        for each in workers:
            os.kill(each, signal.SIGKILL)

        assert {each.recv(12) for each in waiting} == {b"HTTP/1.1 200"}


def test_all_dead_at_once_is_survived(server):
    for each in workers_of(server):
        os.kill(each, signal.SIGKILL)

    wait_until(lambda: listening(server) == 2 * WORKERS, "all of them anew")

    assert answers(server) == 200


def test_workers_that_die_young_are_started_later_and_later(stopped):
    stopped.settings["WORKERS"] = "2"
    stopped.start()
    wait_until(lambda: listening(stopped) == 2, "both workers")
    deaths = []
    for expected in (3, 4, 5):
        os.kill(workers_of(stopped)[-1], signal.SIGKILL)
        died = time.monotonic()
        wait_until(lambda so_far=expected: listening(stopped) == so_far, "another one")
        deaths.append(time.monotonic() - died)

    assert deaths[1] > 0.5
    assert deaths[2] > 1


# -- replacing


def test_hang_up_replaces_all_without_a_failed_request(server):
    before = workers_of(server)
    done = threading.Event()
    statuses = Counter()

    def ask():
        while not done.is_set():
            statuses[answers(server)] += 1

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for each in clients:
        each.start()

    server.signal(signal.SIGHUP)
    wait_until(lambda: listening(server) == 2 * WORKERS, "new workers")
    wait_until(lambda: not any(map(alive, before)), "the old ones' end")
    done.set()
    for each in clients:
        each.join()

    assert set(statuses) == {200}
    assert len(workers_of(server)) == WORKERS


def test_worker_that_will_not_leave_does_not_hold_up_the_others_for_ever(server):
    stuck = workers_of(server)[0]
    os.kill(stuck, signal.SIGSTOP)

    server.signal(signal.SIGHUP)
    wait_until(lambda: listening(server) == 2 * WORKERS, "new workers")
    wait_until(lambda: not alive(stuck), "its end")
    server.signal(signal.SIGTERM)

    assert server.wait() == 0  # that one was killed is over and told
    assert f"worker {stuck} did not end in time: killed" in server.log()


def test_replacing_is_given_up_when_a_new_one_does_not_start(server, tmp_path):
    pytest.importorskip("dotenv")
    before = workers_of(server)
    (tmp_path / ".env").write_text("SESSION_POLICY=none\n")

    server.signal(signal.SIGHUP)
    wait_until(lambda: "the others stay" in server.log(), "giving up")

    assert workers_of(server) == before
    assert "SESSION_POLICY must be one of" in server.log()
    assert answers(server) == 200


WORKER = """#!{python}
import os, signal, sys
signal.signal(signal.SIGTERM, signal.{on_term})
_, life, ready = map(int, sys.argv[-1].split(","))
os.write(ready, b"1")
print("worker", os.getpid(), flush=True)
{then}
"""
PARENT = """
import logging, signal, socket, sys
from authserver.workers import Parent
logging.basicConfig(level=logging.INFO)
listener = socket.create_server(("127.0.0.1", 0))
command, heard = tuple(sys.argv[1:]), {signal.SIGTERM, signal.SIGHUP}
ends = {signal.SIGTERM}.__contains__
Parent(listener, 2, command, heard=heard, ends=ends).run()
"""


@pytest.fixture
def parent(tmp_path) -> Iterator[tuple[ServerProcess, Callable]]:
    """A parent of workers that do nothing, and what writes these anew."""
    script = tmp_path / "worker.py"

    def write(then="os.read(life, 1)", on_term="SIG_DFL"):
        text = WORKER.format(python=sys.executable, then=then, on_term=on_term)
        script.write_text(text)
        script.chmod(0o700)

    command = (sys.executable, "-c", PARENT, sys.executable, str(script))
    server = ServerProcess(tmp_path, {"PYTHONPATH": str(ROOT)}, command)
    yield server, write
    server.kill()  # which its workers notice


def started(server: ServerProcess) -> int:
    return server.console().count("worker ")


def test_worker_that_dies_once_it_serves_is_not_started_on_and_on(parent):
    server, write = parent
    write(on_term="SIG_IGN")  # so that replacing takes ten seconds
    server.spawn()
    wait_until(lambda: started(server) == 2, "both workers")

    write("os._exit(1)")
    server.signal(signal.SIGHUP)
    time.sleep(4)

    assert 3 <= started(server) <= 8  # at once, at once, then 0.5, 1, 2 s later


def test_replacing_goes_on_once_a_worker_can_be_started_again(parent, tmp_path):
    server, write = parent
    write()
    script = tmp_path / "worker.py"
    server.command = (sys.executable, "-c", PARENT, str(script))
    server.spawn()
    wait_until(lambda: started(server) == 2, "both workers")
    before = workers_of(server)

    script.rename(tmp_path / "gone")
    server.signal(signal.SIGHUP)
    wait_until(lambda: "no worker can be started" in server.log(), "a failure")
    (tmp_path / "gone").rename(script)

    wait_until(lambda: started(server) == 4, "two new workers")
    wait_until(lambda: not any(map(alive, before)), "the old ones' end")


def test_hang_up_of_the_parents_terminal_ends_all_in_order(stopped):
    master, terminal = pty.openpty()
    stopped.stdin = terminal
    stopped.start()
    os.close(terminal)

    stopped.signal(signal.SIGHUP)  # somebody's, while the terminal is open
    wait_until(lambda: "replacing the workers" in stopped.log(), "replacing")
    os.close(master)
    stopped.signal(signal.SIGHUP)

    assert stopped.wait() == 0
    assert "stopping" in stopped.log()


def test_hang_up_is_not_heard_by_a_parent_under_nohup(stopped):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopped.start()
    signal.signal(signal.SIGHUP, before)

    stopped.signal(signal.SIGHUP)
    join(stopped)
    stopped.signal(signal.SIGTERM)

    assert stopped.wait() == 0
    assert "replacing" not in stopped.log()


def test_number_of_workers_does_not_change_to_one_while_others_serve(stopped, tmp_path):
    pytest.importorskip("dotenv")
    del stopped.settings["WORKERS"]
    (tmp_path / ".env").write_text("WORKERS=2\n")
    stopped.start()
    wait_until(lambda: listening(stopped) == 2, "both workers")
    (tmp_path / ".env").write_text("WORKERS=1\n")

    stopped.signal(signal.SIGHUP)

    wait_until(lambda: "the others stay" in stopped.log(), "giving up")
    assert "WORKERS was changed to 1" in stopped.log()
