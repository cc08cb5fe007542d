"""Another program locks the database away: answers say so, then all is well."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ServerProcess, join, log_in

ANSWER_WITHIN_S = 2.5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on which alice has an account."""
    server = ServerProcess(tmp_path, {"BCRYPT_ROUNDS": "4"}).start()
    join(server)
    yield server
    server.kill()


@pytest.fixture
def stranger(server: ServerProcess) -> Iterator[sqlite3.Connection]:
    """Another program that has the database open."""
    connection = sqlite3.connect(server.folder / "authserver.db", timeout=10)
    yield connection
    connection.close()


def test_write_is_answered_503_in_time(server, stranger):
    stranger.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()

    answer = log_in(server)

    assert time.monotonic() - started < ANSWER_WITHIN_S
    assert (answer.status, answer.payload["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_reads_go_on(server, stranger):
    bearer = log_in(server).payload["access_token"]
    stranger.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()

    answer = server.ask("GET", "/auth/me", bearer=bearer)

    assert answer.payload["user"]["username"] == "alice"
    assert time.monotonic() - started < 1


def test_nobody_is_logged_out_meanwhile(server, stranger):
    token = log_in(server).payload["refresh_token"]
    stranger.execute("BEGIN EXCLUSIVE")
    assert server.ask("POST", "/auth/refresh", refresh_token=token).status == 503

    stranger.rollback()

    assert server.ask("POST", "/auth/refresh", refresh_token=token).status == 200


def test_logout_that_was_not_stored_is_not_acknowledged(server, stranger):
    bearer = log_in(server).payload["access_token"]
    stranger.execute("BEGIN EXCLUSIVE")

    answer = server.ask("POST", "/auth/logout", bearer=bearer)

    assert answer.status == 503
    stranger.rollback()
    assert server.ask("GET", "/auth/me", bearer=bearer).status == 200


def test_locked_server_stops_in_time(server, stranger):
    stranger.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()

    server.signal(15)

    assert server.wait() == 0
    assert time.monotonic() - started < 10
