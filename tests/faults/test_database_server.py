"""A whole server on MariaDB: migrate, serve, outage, a second process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import databases, processes
from tests.databases import MariaDB
from tests.processes import ServerProcess, wait_until

SECRET = "0123456789abcdef0123456789abcdef"
pytestmark = pytest.mark.skipif(not databases.HAVE_MARIADB, reason="no mariadbd")


@pytest.fixture
def mariadb() -> Iterator[MariaDB]:
    server = MariaDB().start().make_user()
    server.run("CREATE DATABASE test_server")
    yield server
    server.wipe()


@pytest.fixture
def settings(mariadb: MariaDB) -> dict[str, str]:
    return {"DATABASE_URL": mariadb.url("test_server"), "SECRET_KEY": SECRET}


@pytest.fixture
def start(
    settings: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], ServerProcess]]:
    """Return what starts a server in a folder of its own."""
    started: list[ServerProcess] = []

    def start(name: str) -> ServerProcess:
        folder = tmp_path / name
        folder.mkdir()
        started.append(ServerProcess(folder, settings).start())
        return started[-1]

    yield start
    for server in started:
        server.kill()


def test_migrate_tells_what_it_applied_once(settings, tmp_path):
    first = processes.run(tmp_path, "migrate", **settings)
    second = processes.run(tmp_path, "migrate", **settings)

    assert "applied 0001_accounts\n" in first.stdout
    assert second.stdout == "the schema is up to date\n"
    assert list(tmp_path.iterdir()) == []


def test_start_without_a_key_ends_with_a_sentence(settings, tmp_path):
    ended = processes.run(tmp_path, DATABASE_URL=settings["DATABASE_URL"])

    assert ended.returncode == 2
    assert ended.stderr.startswith("authserver: SECRET_KEY is missing: with MySQL")


def test_start_without_its_server_ends_with_a_sentence(settings, tmp_path, mariadb):
    mariadb.stop()

    ended = processes.run(tmp_path, **settings)

    assert ended.returncode == 2
    assert "Can't connect to" in ended.stderr
    assert "test:test" not in ended.stderr


def test_outage_is_503_and_over_when_the_server_is_back(start, mariadb):
    server = start("one")
    processes.join(server)
    token = processes.log_in(server).payload["access_token"]
    mariadb.stop()

    during = [
        server.ask("GET", "/readyz").status,
        server.ask("GET", "/auth/me", bearer=token).status,
        processes.log_in(server).status,
        server.ask("GET", "/healthz").status,
    ]
    mariadb.start()

    assert during == [503, 503, 503, 200]
    wait_until(lambda: server.ask("GET", "/readyz").status == 200, "readiness")
    assert server.ask("GET", "/auth/me", bearer=token).status == 200


def test_two_processes_share_one_database(start):
    one, two = start("one"), start("two")
    processes.join(one)

    token = processes.log_in(two).payload["access_token"]
    seen = one.ask("GET", "/auth/me", bearer=token)
    two.ask("POST", "/auth/logout", bearer=token)
    gone = one.ask("GET", "/auth/me", bearer=token)

    assert (seen.status, gone.status) == (200, 401)
