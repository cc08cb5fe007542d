"""The server as a process: it starts with nothing, or says why not, and ends.

Real processes throughout; each has a folder and a port of its own.
"""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import pytest

from authserver import runtime
from authserver.settings import VERSION, Settings
from tests import certificates
from tests.processes import (
    PASSWORD,
    ROOT,
    SERVER,
    ServerProcess,
    join,
    log_in,
    run,
    wait_until,
)

ALICE = {"username": "alice", "email": "alice@example.org", "password": PASSWORD}
MUST_END_WITHIN_S = 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that has not been started."""
    server = ServerProcess(tmp_path, {"BCRYPT_ROUNDS": "4"})
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


@pytest.fixture
def make_database(tmp_path: Path) -> Callable[[], Path]:
    """Return what leaves a database and its key in the folder."""

    def make() -> Path:
        file = tmp_path / "authserver.db"
        runtime.close(runtime.create_app(Settings(database_url=f"sqlite:///{file}")))
        return file

    return make


# -- starting


def test_empty_folder_and_no_settings_are_enough(server, tmp_path):
    server.start()

    answer = server.ask("GET", "/")

    assert (answer.status, answer.payload["name"]) == (200, "authserver")
    assert "codes are printed here" in server.log()
    assert {each.name for each in tmp_path.iterdir()} >= {
        "authserver.db",
        "authserver.key",
    }


def test_what_the_server_makes_is_closed_to_other_users(server, tmp_path):
    server.start()

    made = [each for each in tmp_path.iterdir() if each.name.startswith("authserver")]

    assert len(made) >= 3
    assert {stat.S_IMODE(each.stat().st_mode) for each in made} == {0o600}


def test_main_job_works_over_a_real_socket(server):
    server.start()
    join(server)

    assert log_in(server).payload["message"] == "Login successful"


def test_start_prints_where_codes_can_be_read_in_a_browser(server):
    server.settings["PUBLIC_URL"] = ""  # the port that turns out to be free
    server.start()
    line = re.compile(r"http://(localhost:[0-9]+)(/messages/\S+)")
    host, path = wait_until(lambda: line.search(server.console()), "a URL").groups()

    asked = ["curl", "-sS", "-H", f"Host: {host}", f"127.0.0.1:{server.port}{path}"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)

    assert done.stdout == '{"messages":[]}\n'
    assert host == f"localhost:{server.port}"
    assert path not in server.log()


def test_curl_trusts_the_certificate_that_the_settings_name(server, tmp_path):
    made = certificates.make(tmp_path / "made")
    server.settings |= {"TLS_CERT": str(made.certificate), "TLS_KEY": str(made.key)}
    server.settings |= {"PUBLIC_URL": "https://localhost:8080"}
    server.start()
    address = f"https://localhost:{server.port}/healthz"

    done = subprocess.run(
        ["curl", "-sS4", "--cacert", made.certificate, address, address],
        capture_output=True,
        text=True,
    )

    assert (done.stdout, done.stderr) == ('{"status":"ok"}\n' * 2, "")
    assert f"listening on https://127.0.0.1:{server.port} for https:" in server.log()


def test_accounts_outlive_the_process(server):
    server.start()
    join(server)
    server.kill()

    server.start()

    assert log_in(server).status == 200


def test_without_any_package_scrypt_stands_in_for_bcrypt(server, tmp_path):
    # --without-pip and no site-packages of the system: nothing but Python.
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    (tmp_path / ".env").write_text("PORT=1\n")
    server.command = (str(tmp_path / "bare/bin/python"), SERVER)

    server.start()

    assert "bcrypt is not installed: new passwords are hashed with scrypt" in (
        server.log()
    )
    assert ".env is ignored: python-dotenv is not installed" in server.log()
    join(server)
    assert log_in(server).status == 200


def test_package_runs_as_a_module(server):
    server.command = (sys.executable, "-m", "authserver")
    server.settings["PYTHONPATH"] = str(ROOT)

    server.start()

    assert server.ask("GET", "/healthz").status == 200


def test_settings_are_read_from_dotenv(server, tmp_path):
    # A dollar sign in a password is a dollar sign.
    lines = "LOG_FORMAT=json\nEMAIL_USER=me@example.org\nEMAIL_PASS=$HOME\n"
    (tmp_path / ".env").write_text(lines)

    server.start()

    assert '"message": "listening on' in server.log()
    assert "codes are printed here" not in server.log()


def test_environment_wins_over_dotenv(server, tmp_path):
    (tmp_path / ".env").write_text("LOG_FORMAT=json\n")
    server.settings["LOG_FORMAT"] = "text"

    server.start()

    assert '"message"' not in server.log()


# -- start-up faults: one sentence, exit status 2, no traceback

KEY = "authserver.key"
DATABASE = "authserver.db"


def weak(secret: str) -> Callable[[Path], dict[str, str]]:
    return lambda folder: {"SECRET_KEY": secret}


def key_missing(folder: Path) -> dict[str, str]:
    (folder / KEY).unlink()
    return {}


def key_readable(folder: Path) -> dict[str, str]:
    (folder / KEY).chmod(0o644)
    return {}


def key_torn(folder: Path) -> dict[str, str]:
    (folder / KEY).write_text("half of it")
    return {}


def database_damaged(folder: Path) -> dict[str, str]:
    content = bytearray((folder / DATABASE).read_bytes())
    content[4096:12288] = b"\xff" * 8192
    (folder / DATABASE).write_bytes(content)
    return {}


def database_empty(folder: Path) -> dict[str, str]:
    (folder / DATABASE).write_bytes(b"")
    return {}


def database_newer(folder: Path) -> dict[str, str]:
    connection = sqlite3.connect(folder / DATABASE)
    with connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('9999_x', 'f', 1)")
    connection.close()
    return {}


def unchanged(**settings: str) -> Callable[[Path], dict[str, str]]:
    return lambda folder: settings


FAULTS = [
    (weak(""), "SECRET_KEY is blank"),
    (
        unchanged(TLS_CERT="no.pem", TLS_KEY="no.key", PUBLIC_URL="https://localhost"),
        "TLS_CERT names no.pem, which cannot be read: No such file",
    ),
    (weak("short"), "SECRET_KEY is shorter than 32 bytes"),
    (weak("k" * 40), "SECRET_KEY is one character repeated"),
    (weak("change-me-to-at-least-32-random-bytes"), "is the example value"),
    (weak(f"{os.urandom(32).hex()},"), "SECRET_KEY is blank"),
    (key_missing, "The key file authserver.key is missing. Restore it"),
    (key_readable, "is open to other users. Run: chmod 600"),
    (key_torn, "authserver.key is damaged"),
    (database_damaged, "authserver.db is damaged, or no SQLite database"),
    (database_empty, "authserver.db is empty"),
    (database_newer, "The database was made by a newer authserver"),
    (unchanged(DATABASE_URL="postgres://me:hush@db/a"), "DATABASE_URL must be sqlite"),
    (
        unchanged(DATABASE_URL="sqlite:///no/such/a.db"),
        "DATABASE_URL names the folder no/such, which does",
    ),
    (
        unchanged(DATABASE_URL=f"sqlite:///{'a' * 300}"),
        f"DATABASE_URL names {'a' * 80}..., which cannot be a database: File name too",
    ),
    (unchanged(DATABASE_URL="sqlite:////tmp"), "names /tmp, which is a folder."),
    (unchanged(DATABASE_URL="sqlite:///:memory:"), "DATABASE_URL must name a file"),
    (unchanged(PORT="eighty"), "PORT must be a whole number"),
    (unchanged(HOST="192.0.2.1"), "HOST 192.0.2.1 cannot be opened"),
    (unchanged(HOST="a..b"), "HOST a..b cannot be opened"),
    (unchanged(HOST="no such host"), "HOST must be a host name or an address"),
    (unchanged(HOST="no-such-host.invalid"), "HOST no-such-host.invalid cannot be"),
]


@pytest.mark.parametrize(("spoil", "sentence"), FAULTS)
def test_what_cannot_work_ends_with_a_sentence(
    spoil, sentence, make_database, tmp_path
):
    make_database()

    ended = run(tmp_path, **spoil(tmp_path))

    assert ended.returncode == 2
    assert sentence in ended.stderr.splitlines()[-1]
    assert ended.stderr.splitlines()[-1].startswith("authserver: ")
    assert "Traceback" not in ended.stderr
    assert "hush" not in ended.stderr


def test_another_key_than_the_database_was_used_with_draws_a_warning(server, tmp_path):
    # A warning only: who throws out a key that leaked must not be kept from it.
    sentence = "this is another key than the database was used with"
    server.start()
    server.ask("POST", "/auth/register", **ALICE)
    server.kill()
    old = (tmp_path / KEY).read_text().strip()
    assert sentence not in server.log()

    server.settings["SECRET_KEY"] = f"{os.urandom(32).hex()},{old}"
    server.start().kill()
    assert sentence not in server.log()

    server.settings["SECRET_KEY"] = os.urandom(32).hex()
    server.start()
    assert sentence in server.log()
    assert server.ask("GET", "/readyz").status == 200


def test_unknown_database_makes_no_key_file(tmp_path):
    ended = run(tmp_path, DATABASE_URL="postgres://me:hush@db/accounts")

    assert ended.returncode == 2
    assert "DATABASE_URL must be sqlite" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_damaged_database_is_left_as_it_is(make_database, tmp_path):
    file = make_database()
    database_damaged(tmp_path)
    damaged = file.read_bytes()

    assert run(tmp_path).returncode == 2

    assert file.read_bytes() == damaged


def test_port_in_use_is_named(server, tmp_path):
    server.start()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    ended = run(elsewhere, PORT=str(server.port))

    assert ended.returncode == 2
    assert f"PORT {server.port} on HOST 127.0.0.1 cannot be opened" in ended.stderr


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_second_process_on_one_database_is_turned_away(command, server, tmp_path):
    server.start()

    ended = run(tmp_path, command)

    assert ended.returncode == 2
    assert "Another authserver process uses" in ended.stderr
    assert server.ask("GET", "/readyz").status == 200


# -- commands that end by themselves


def test_version_is_told(tmp_path):
    assert run(tmp_path, "--version").stdout == f"authserver {VERSION}\n"


def test_help_tells_a_newcomer_what_happens_without_settings(tmp_path):
    text = " ".join(run(tmp_path, "--help").stdout.split())

    assert "Without a command it serves" in text
    assert "listens on 127.0.0.1:8080" in text
    assert ".env.example" in text


def test_unknown_command_exits_with_2(tmp_path):
    ended = run(tmp_path, "explode")

    assert ended.returncode == 2
    assert "invalid choice: 'explode'" in ended.stderr


def test_migrate_names_what_it_applied_and_then_nothing(tmp_path):
    first = run(tmp_path, "migrate")
    second = run(tmp_path, "migrate")

    assert "applied 0001_" in first.stdout
    assert second.stdout == "the schema is up to date\n"
    assert (first.returncode, second.returncode) == (0, 0)


# -- stopping


def begin_login(server: ServerProcess) -> socket.socket:
    """Send a login but its last byte: in flight for as long as a test likes."""
    body = b'{"identifier":"alice","password":"' + PASSWORD.encode() + b'"}'
    head = (
        b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n"
        b"Expect: 100-continue\r\n\r\n" % len(body)
    )
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.sendall(head)
    # The server has read the head when it says so.
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(body[:-1])
    return connection


def refuses(server: ServerProcess) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=20).close()
    except ConnectionError as error:
        # A reset instead: it closed while we knocked.
        return isinstance(error, ConnectionRefusedError)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_login_in_flight_is_answered_before_the_end(number, server):
    server.start()
    join(server)
    with begin_login(server) as connection:
        started = time.monotonic()
        server.signal(number)
        wait_until(lambda: refuses(server), "the port to be closed")

        connection.sendall(b"}")

        answer = HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200
        assert answer.getheader("Connection") == "close"
    assert server.wait() == 0
    assert time.monotonic() - started < MUST_END_WITHIN_S


def test_client_that_never_finishes_does_not_delay_the_end_for_ever(server):
    server.start()
    join(server)
    with begin_login(server) as connection:
        started = time.monotonic()

        server.signal(signal.SIGTERM)

        assert server.wait() == 0
        assert time.monotonic() - started < MUST_END_WITHIN_S
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_everybody_in_the_queue_for_hashes_is_answered_before_the_end(tmp_path):
    # Sixty take longer than a stop: who has to wait for too long is told so.
    settings = {"BCRYPT_ROUNDS": "13", "TRUSTED_PROXIES": "127.0.0.1/32"}
    server = ServerProcess(tmp_path, settings)
    server.start()
    body = json.dumps({"identifier": "nobody", "password": PASSWORD}).encode()
    crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
    for number, each in enumerate(crowd):
        head = (
            f"POST /auth/login HTTP/1.1\r\nHost: localhost\r\n"
            f"X-Forwarded-For: 198.18.{number}.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        each.sendall(head.encode() + body)
    started = time.monotonic()

    server.signal(signal.SIGTERM)

    assert server.wait() == 0
    assert time.monotonic() - started < MUST_END_WITHIN_S
    answers = [each.recv(100)[9:12] for each in crowd]
    assert set(answers) == {b"401", b"503"}
    for each in crowd:
        each.close()


@pytest.mark.usefixtures("hearing")
def test_hang_up_without_a_terminal_does_not_end_the_server(server):
    # `systemctl reload` sends it, to a process that would be gone for good.
    server.start()

    server.signal(signal.SIGHUP)

    wait_until(lambda: "SIGHUP changes nothing" in server.log(), "a line in the log")
    join(server)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


@pytest.mark.usefixtures("hearing")
def test_hang_up_of_its_terminal_ends_the_server_in_order(server):
    master, terminal = pty.openpty()
    server.stdin = terminal
    server.start()
    os.close(terminal)
    join(server)

    server.signal(signal.SIGHUP)  # somebody's, while the terminal is open
    wait_until(lambda: "SIGHUP changes nothing" in server.log(), "a line in the log")
    os.close(master)
    server.signal(signal.SIGHUP)

    assert server.wait() == 0
    assert "stopping" in server.log()


def test_hang_up_is_not_heard_under_nohup(server):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server.start()
    signal.signal(signal.SIGHUP, before)

    server.signal(signal.SIGHUP)
    join(server)
    server.signal(signal.SIGTERM)

    assert server.wait() == 0
    assert "SIGHUP" not in server.log()


def test_idle_connections_do_not_delay_the_end(server):
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in idle.recv(4096)
        started = time.monotonic()

        server.signal(signal.SIGTERM)

        assert server.wait() == 0
        assert time.monotonic() - started < 2


def patched(code: str) -> tuple[str, ...]:
    """Return the command of a server whose interpreter runs `code` before."""
    before = f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r})"
    go = f"sys.argv = [{SERVER!r}]; runpy.run_path({SERVER!r}, run_name='__main__')"
    return (sys.executable, "-c", f"{before}\n{code}\n{go}")


THREADLESS = """
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""


def test_start_without_threads_is_refused_with_a_sentence(server):
    server.command = patched(THREADLESS)

    server.spawn()

    assert server.wait() == 2
    assert server.log().count("\n") == 1
    assert "the system allows no more threads" in server.log()


INTERRUPTED = """
import os, signal
class Finder:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["authserver.settings", "authserver.commands.serve"])
def test_interrupt_while_modules_load_shows_no_traceback(server, module):
    server.command = patched(INTERRUPTED.format(module=module))

    server.spawn()

    assert server.wait() == 130
    assert server.log() == ""


FAILING = """
import select
class Epoll:
    def __init__(self):
        self._epoll, self._left = EPOLL(), 5
        self.register, self.modify = self._epoll.register, self._epoll.modify
        self.unregister, self.close = self._epoll.unregister, self._epoll.close
    def poll(self, *arguments):
        self._left -= 1
        if not self._left:
            raise OSError("the system is out of order")
        return self._epoll.poll(*arguments)
EPOLL, select.epoll = select.epoll, Epoll
"""
NO_POSIX = "from authserver import setting_rules; setting_rules.SYSTEM = 'nt'"


def test_system_without_posix_signals_is_told_in_a_sentence(server):
    server.command = patched(NO_POSIX)

    server.spawn()

    assert server.wait() == 2
    assert "this system has no POSIX signals" in server.log()


def test_server_that_can_serve_nobody_ends_to_be_restarted(server):
    server.command = patched(FAILING)
    server.start()

    with contextlib.suppress(OSError, HTTPException):
        for _ in range(5):
            server.ask("GET", "/healthz")

    assert server.wait() == 1
    assert "nobody is served any more" in server.log()


def test_storm_of_signals_ends_the_server_all_the_same(server):
    # A handler runs between two instructions of the main thread, also between
    # two of its own: one that takes a lock waits for itself, and for ever.
    server.start()
    join(server)
    with begin_login(server) as connection:
        for _ in range(3_000):
            server.signal(signal.SIGTERM)
            server.signal(signal.SIGINT)

        connection.sendall(b"}")

        assert b" 200 " in connection.recv(4096)
    assert server.wait() == 0


def test_stop_folds_the_write_ahead_log_into_the_database(server, tmp_path):
    server.start()
    join(server)

    server.signal(signal.SIGTERM)

    assert server.wait() == 0
    assert not (tmp_path / "authserver.db-wal").exists()
    with sqlite3.connect(tmp_path / "authserver.db") as connection:
        assert connection.execute("SELECT username FROM users").fetchall() == [
            ("alice",)
        ]
    connection.close()


def test_console_that_is_closed_does_not_end_the_server(tmp_path, server):
    reading, writing = os.pipe()
    os.close(reading)
    with open(tmp_path / "log", "ab") as log:
        server.process = subprocess.Popen(
            server.command,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PORT": "0"},
            stdout=writing,
            stderr=log,
        )
    os.close(writing)
    wait_until(lambda: "listening on" in server.log(), "a listening server")
    server.port = int(server.log().partition("127.0.0.1:")[2].split()[0])

    server.ask("POST", "/auth/register", **ALICE)
    wait_until(lambda: "the console is closed" in server.log(), "a failed letter")

    assert server.ask("GET", "/readyz").status == 200
