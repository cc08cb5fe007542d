"""The main job under the WSGI servers that people use, as real processes."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.ports import free_port
from tests.processes import (
    PASSWORD,
    ROOT,
    ServerProcess,
    join,
    log_in,
    wait_until,
)

WSGIREF = """
import sys, wsgiref.simple_server
from authserver.wsgi import application
where = "127.0.0.1", int(sys.argv[1])
with wsgiref.simple_server.make_server(*where, application) as server:
    server.serve_forever()
"""
WHERE = "authserver.wsgi:application"
SERVERS = {
    "wsgiref": ("-c", WSGIREF, "{port}"),
    "gunicorn": ("-m", "gunicorn", "--threads=8", "--bind=127.0.0.1:{port}", WHERE),
    "waitress": ("-m", "waitress", "--listen=127.0.0.1:{port}", WHERE),
}


@pytest.fixture
def prepare(tmp_path):
    """Return what makes a server, not started, of these arguments of Python."""
    made = []

    def prepare(arguments, **settings):
        port = free_port()
        command = (sys.executable, *(each.format(port=port) for each in arguments))
        settings = {"BCRYPT_ROUNDS": "4", "PYTHONPATH": str(ROOT)} | settings
        server = ServerProcess(tmp_path, settings, command, port)
        made.append(server)
        return server

    yield prepare
    for server in made:
        if server.process and server.process.poll() is None:
            server.signal(signal.SIGTERM)  # gunicorn ends its workers
            server.wait()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=SERVERS)
def server(request, prepare):
    server = prepare(SERVERS[request.param], METRICS_TOKEN="0123456789abcdef")
    server.spawn()
    wait_until(lambda: listens(server.port), "a server")
    return server


def test_people_join_log_in_and_are_let_in(server):
    join(server)
    login = log_in(server)
    bearer = login.payload["access_token"]
    refreshed = server.ask(
        "POST", "/auth/refresh", refresh_token=login.payload["refresh_token"]
    )

    assert login.payload["message"] == "Login successful"
    assert server.ask("GET", "/protected", bearer=bearer).status == 200
    assert server.ask("GET", "/protected").status == 401
    assert refreshed.status == 200
    assert server.ask("POST", "/auth/logout", bearer=bearer).status == 200
    assert server.ask("GET", "/protected", bearer=bearer).status == 401


def test_what_is_wrong_is_refused_as_by_our_own(server):
    wrong = server.ask("POST", "/auth/login", identifier="bob", password=PASSWORD)
    long = server.ask("POST", "/auth/login", identifier="x" * 70_000)
    unknown = server.ask("GET", "/nowhere?token=secret")

    assert (wrong.status, wrong.payload["code"]) == (401, "invalid_credentials")
    assert (long.status, long.payload["code"]) == (413, "body_too_large")
    assert (unknown.status, unknown.payload["code"]) == (404, "not_found")
    assert unknown.headers["Cache-Control"] == "no-store"
    # By the log's thread, with the same line as ever, and no query.
    wait_until(lambda: " GET /nowhere 404 " in server.log(), "a line")
    ours = [line for line in server.log().splitlines() if "dispatch" in line]
    assert ours
    assert not [line for line in ours if "secret" in line]


LEFT_ALONE = ("--no-clear-untrusted-proxy-headers", WHERE)


@pytest.mark.parametrize(
    ("arguments", "socket_file"),
    [
        (("-m", "gunicorn", "--threads=8", "--bind=unix:socket", WHERE), "socket"),
        (("-m", "waitress", "--unix-socket=socket", *LEFT_ALONE), "socket"),
        ((*SERVERS["waitress"][:-1], *LEFT_ALONE), ""),
    ],
    ids=["gunicorn, Unix socket", "waitress, Unix socket", "waitress"],
)
def test_client_of_a_trusted_proxy_is_known(prepare, tmp_path, arguments, socket_file):
    server = prepare(arguments, TRUSTED_PROXIES="127.0.0.1/32")
    server.spawn()
    if socket_file:
        family, where = socket.AF_UNIX, str(tmp_path / socket_file)
        wait_until((tmp_path / socket_file).exists, "a server")
    else:
        family, where = socket.AF_INET, ("127.0.0.1", server.port)
        wait_until(lambda: listens(server.port), "a server")
    with socket.socket(family) as proxy:
        proxy.connect(where)
        proxy.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
            b"X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n"
        )
        assert b" 200 " in proxy.recv(1000)

    wait_until(lambda: "203.0.113.9 GET /healthz 200" in server.log(), "the client")
    assert "TRUSTED_PROXIES" not in server.log()


def test_gunicorn_closes_the_database_at_the_end(prepare, tmp_path):
    server = prepare(SERVERS["gunicorn"])
    server.spawn()
    wait_until(lambda: listens(server.port), "a server")
    join(server)

    server.signal(signal.SIGTERM)

    assert server.wait() == 0
    assert (tmp_path / "authserver.db").exists()
    assert not (tmp_path / "authserver.db-wal").exists()


def test_second_process_on_sqlite_ends_with_a_sentence(prepare):
    server = prepare(
        (*SERVERS["gunicorn"][:2], "--workers=2", *SERVERS["gunicorn"][2:])
    )
    server.spawn()

    assert server.wait() != 0
    assert "Another authserver process uses" in server.log()


def test_bad_setting_ends_the_start_with_a_sentence(prepare):
    server = prepare(SERVERS["waitress"], PUBLIC_URL="nonsense")
    server.spawn()

    assert server.wait() != 0
    assert "PUBLIC_URL must be a URL" in server.log().splitlines()[-1]


def test_loading_before_the_fork_is_refused(prepare):
    server = prepare((*SERVERS["gunicorn"][:2], "--preload", *SERVERS["gunicorn"][2:]))
    server.spawn()
    wait_until(lambda: listens(server.port), "a server")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert b" 500 " in answer.partition(b"\r\n")[0]
    wait_until(
        lambda: "authserver was loaded before the server forked" in server.log(),
        "the reason",
    )


def test_no_board_of_messages_where_nobody_prints_its_address(tmp_path):
    program = "from authserver.wsgi import application as a; print(a._app.board)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout == "None\n"
