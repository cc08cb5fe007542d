"""`server.py database copy`: an SQLite database moves up, whole or not at all.

Real processes and real servers: who was logged in before still is after.
"""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authserver import runtime
from authserver.settings import Settings
from authserver.store import copying
from authserver.store.database import Database, open_database
from tests import databases, ports
from tests.processes import (
    PASSWORD,
    SERVER,
    ServerProcess,
    environment,
    join,
    log_in,
    run,
)

SECRET = "0123456789abcdef0123456789abcdef"
HALF = (
    "The database that {} names holds a copy that is under way or was broken off; "
    "make it empty (DROP DATABASE, CREATE DATABASE) and copy again."
)
KEYS = {"user_id": "id", "session_id": "id"}  # columns that refer to another table's


@pytest.fixture(params=databases.ON_SERVERS)
def target(request: pytest.FixtureRequest, servers: databases.Servers) -> str:
    """The URL of an empty database to copy to."""
    return servers.url(str(request.param))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on SQLite that alice has joined."""
    server = ServerProcess(tmp_path, {"BCRYPT_ROUNDS": "4"}).start()
    join(server)
    yield server
    server.kill()


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., Path]:
    """Return what makes a database here and runs statements in it."""

    def make(*statements: tuple[str, Any]) -> Path:
        file = tmp_path / "authserver.db"
        runtime.close(runtime.create_app(Settings(database_url=f"sqlite:///{file}")))
        connection = sqlite3.connect(file)
        with connection:
            for statement, rows in statements:
                connection.executemany(statement, rows)
        connection.close()
        return file

    return make


def tables(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of the schema with its columns: name, type, not null."""
    connection = sqlite3.connect(file)
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT IN ('schema_migrations', 'sqlite_sequence')"
    )
    found = {
        name: [each[1:4] for each in connection.execute(f"PRAGMA table_info({name})")]
        for (name,) in names.fetchall()
    }
    connection.close()
    return found


def value(column: str, kind: str, number: int) -> Any:
    """A value that no other column of the row has."""
    if kind == "TEXT":
        # Four bytes of UTF-8, quotes, placeholders, blanks that must stay.
        wide = " \U0001f511 'ü\" ? %s " if column == "user_agent" else ""
        return f"{KEYS.get(column, column)[:8]} {number}{wide}"
    whole = sum(map(ord, column)) * 10_000 + number
    return whole / 7 if kind == "REAL" else whole


def filled(file: Path, rows: int) -> list[tuple[str, list[list[Any]]]]:
    """Statements that fill every column of every table."""
    return [
        (
            f"INSERT INTO {name} ({', '.join(c for c, _, _ in columns)}) "
            f"VALUES ({', '.join('?' for _ in columns)})",
            [
                [
                    value(column, kind, number) if number or kind != "TEXT" else nothing
                    for column, kind, required in columns
                    for nothing in ("" if required else None,)
                ]
                for number in range(rows)
            ],
        )
        for name, columns in tables(file).items()
    ]


def contents(database: Database, columns: dict[str, list[tuple[Any, ...]]]) -> Any:
    """Every row of every table."""
    return {
        name: database.read(
            lambda tx, name=name, every=every: sorted(
                tx.all(f"SELECT {', '.join(c for c, _, _ in every)} FROM {name}"),
                key=repr,
            )
        )
        for name, every in columns.items()
    }


def copy(folder: Path, target: str, **settings: str):
    return run(folder, "database", "copy", TARGET_DATABASE_URL=target, **settings)


def test_who_was_logged_in_before_still_is_after(server, target, tmp_path):
    first = log_in(server).payload
    spent = server.ask(
        "POST", "/auth/refresh-token", refresh_token=first["refresh_token"]
    ).payload
    form = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}
    server.ask("POST", "/auth/register", **form)
    code = server.code_for("bob@example.org")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0

    ended = copy(tmp_path, target)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"SECRET_KEY_FILE    {tmp_path / 'authserver.key'}" in ended.stdout
    server.settings["DATABASE_URL"] = target
    server.settings["SECRET_KEY_FILE"] = str(tmp_path / "authserver.key")
    server.start()
    assert "another key" not in server.log()
    me = server.ask("GET", "/auth/me", bearer=spent["access_token"])
    assert me.payload["user"]["username"] == "alice"
    refreshed = server.ask(
        "POST", "/auth/refresh-token", refresh_token=spent["refresh_token"]
    )
    assert refreshed.status == 200
    assert log_in(server).status == 200
    proof = {"email": "bob@example.org", "otp": code}
    assert server.ask("POST", "/auth/verify-otp", **proof).status == 200
    assert log_in(server, "bob").status == 200


def test_every_column_of_every_table_arrives(make_source, target, tmp_path):
    rows = 2 * copying.PAGE_ROWS + 1
    file = make_source(*filled(make_source(), rows))
    with_columns = tables(file)

    ended = copy(tmp_path, target)

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split() for line in ended.stdout.splitlines()[: len(with_columns)]]
    assert {name: told for name, *told in lines} == {
        name: ["2,001", "of", "2,001"] for name in with_columns
    }
    source = open_database(f"sqlite:///{file}", now=0)
    copied = open_database(target, now=0)
    assert contents(copied, with_columns) == contents(source, with_columns)
    copied.close()
    source.close()


def test_target_that_holds_rows_is_refused(make_source, target, tmp_path):
    file = make_source(*filled(make_source(), 3))
    source = open_database(f"sqlite:///{file}", now=0)
    half = open_database(target, now=0)
    assert list(copying.copy(source, half, copying.TABLES[0])) == [3]
    half.close()
    source.close()

    ended = copy(tmp_path, target)

    assert ended.returncode == 2
    assert (
        "The target holds rows (users: 3). A copy that was broken off" in ended.stderr
    )
    assert "make the target empty (DROP DATABASE, CREATE DATABASE)" in ended.stderr


@pytest.fixture
def half_way(make_source, target, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A copy of which the first table of many is done."""
    make_source(*filled(make_source(), 2 * copying.PAGE_ROWS))
    settings = environment({"TARGET_DATABASE_URL": target})
    process = subprocess.Popen(
        (sys.executable, SERVER, "database", "copy"),
        cwd=tmp_path,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("users ")
    yield process
    process.kill()
    process.communicate()


def test_interrupted_copy_says_what_to_do_and_is_not_continued(
    half_way, target, tmp_path
):
    process = half_way

    process.send_signal(signal.SIGINT)

    _, told = process.communicate()
    assert process.returncode == 1
    assert "broken off: interrupted. A copy that was broken off cannot be" in told
    again = copy(tmp_path, target)
    assert again.returncode == 2
    assert again.stderr == f"authserver: {HALF.format('TARGET_DATABASE_URL')}\n"


@pytest.mark.parametrize("command", [(), ("migrate",), ("audit",)])
def test_nothing_starts_on_a_copy_that_was_killed(half_way, target, tmp_path, command):
    half_way.kill()
    half_way.wait()

    ended = run(tmp_path, *command, DATABASE_URL=target, SECRET_KEY=SECRET)

    assert ended.returncode == 2
    assert HALF.format("DATABASE_URL") in ended.stderr


def test_doctor_knows_a_copy_that_was_killed(half_way, target, tmp_path):
    half_way.kill()
    half_way.wait()

    ended = run(tmp_path, "doctor", DATABASE_URL=target, SECRET_KEY=SECRET)

    assert ended.returncode == 1
    assert "holds a copy that is under way or was broken off" in ended.stdout


def test_numbers_of_rows_that_differ_are_told(make_source, servers, tmp_path):
    file = make_source(*filled(make_source(), 3))
    target = servers.url("mariadb")
    open_database(target, now=0).close()
    table = f"{databases.NAME}.limits"
    servers.mariadb.run(  # somebody else writes there meanwhile
        f"CREATE TRIGGER {databases.NAME}.meanwhile "
        f"AFTER INSERT ON {databases.NAME}.users FOR EACH ROW "
        f"INSERT INTO {table} VALUES (CONCAT('other ', NEW.id), 1, 1, 1, 1)"
    )

    ended = copy(tmp_path, target)

    servers.mariadb.run(f"DROP TRIGGER {databases.NAME}.meanwhile")
    assert ended.returncode == 1
    assert "not hold as many rows as the source in limits. A copy" in ended.stderr
    assert "All rows are there" not in ended.stdout
    assert file.exists()


def test_row_that_does_not_fit_breaks_the_copy_off(make_source, target, tmp_path):
    long = "x" * 300
    statement = (
        "INSERT INTO audit_log VALUES ('id', 1, 'e', 'o', NULL, NULL, '', ?, '')"
    )
    make_source((statement, [(long,)]))

    ended = copy(tmp_path, target)

    assert ended.returncode == 1
    assert "broken off: " in ended.stderr
    assert "user_agent" in ended.stderr
    assert "make the target empty" in ended.stderr


def test_running_server_is_not_copied(server, target, tmp_path):
    ended = copy(tmp_path, target)

    assert ended.returncode == 2
    assert "Another authserver process uses" in ended.stderr
    assert server.ask("GET", "/readyz").status == 200


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "Name the target by --to or TARGET_DATABASE_URL: mysql://"),
        ({"TARGET_DATABASE_URL": "sqlite:///b.db"}, "Name the target by --to"),
        (
            {"TARGET_DATABASE_URL": "mysql://a:hush@localhost/b"},
            "DATABASE_URL names a file that does not exist",
        ),
        (
            {"DATABASE_URL": "mysql://a:hush@localhost/b"},
            "DATABASE_URL names MySQL; only SQLite is copied",
        ),
    ],
)
def test_what_cannot_be_copied_is_refused_in_words(tmp_path, settings, sentence):
    ended = run(tmp_path, "database", "copy", **settings)

    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "hush" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_target_that_cannot_be_reached_is_told_by_its_own_name(make_source, tmp_path):
    make_source()

    ended = copy(tmp_path, f"mysql://a:hush@127.0.0.1:{ports.free_port()}/b")

    assert ended.returncode == 2
    assert "database that TARGET_DATABASE_URL names cannot be used" in ended.stderr
    assert "hush" not in ended.stderr


def test_target_may_be_named_on_the_command_line_or_in_a_file(
    make_source, target, tmp_path
):
    make_source()
    (tmp_path / "target").write_text(f"{target}\n")

    by_option = run(tmp_path, "database", "copy", "--to", target)
    by_file = run(tmp_path, "database", "copy", TARGET_DATABASE_URL_FILE="target")

    assert (by_option.returncode, by_file.returncode) == (0, 0)
    assert "All rows are there" in by_file.stdout
