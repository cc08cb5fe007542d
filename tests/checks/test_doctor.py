"""`server.py doctor` names what is wrong and what to do, and changes nothing.

Real processes, real files, a real mail server. Nothing secret is ever printed.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ServerProcess, join, log_in

from .conftest import LINE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A running server."""
    server = ServerProcess(tmp_path, {"BCRYPT_ROUNDS": "4"}).start()
    yield server
    server.kill()


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_empty_folder_is_healthy_and_stays_empty(doctor, tmp_path):
    report = doctor()

    assert (report.status, report.of("FAIL")) == (0, [])
    assert "0 FAIL" in report.text.splitlines()[-1]
    assert report.of("database") == [("ok", "authserver.db is made at the first start")]
    assert contents(tmp_path) == {}


def test_every_line_is_a_finding_and_what_is_wrong_has_a_remedy(doctor, tmp_path):
    (tmp_path / ".env").write_text("SMTP_HOST=x\n")
    (tmp_path / ".env").chmod(0o644)

    report = doctor(PORT="eighty", SECRET_KEY="short", EMAIL_USER="me@example.org")

    *lines, blank, summary = report.text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert (blank, summary[0].isdigit()) == ("", True)
    assert report.status == 1


def test_running_server_is_seen_and_left_alone(doctor, server, tmp_path):
    join(server)
    log_in(server)
    before = contents(tmp_path)

    report = doctor(PORT=str(server.port))

    after = contents(tmp_path)
    assert set(after) == set(before)
    for name in ("authserver.db", "authserver.db-wal", "authserver.key"):
        assert after[name] == before[name]
    assert server.process
    assert report.of("server") == [("ok", f"running, process {server.process.pid}")]
    assert report.of("port") == [
        ("ok", f"127.0.0.1:{server.port}, an authserver answers there")
    ]
    assert report.of("secret key")[-1] == (
        "ok",
        "is the one that the database was used with",
    )
    assert report.status == 0
    assert log_in(server).status == 200


def test_killed_server_s_database_is_read_with_its_last_changes(doctor, server):
    join(server)
    server.kill()

    report = doctor()

    assert report.of("server") == [("ok", "not running here")]
    assert ("ok", "its schema is up to date") in report.of("database")
    assert report.of("secret key")[-1][0] == "ok"
    server.start()
    assert log_in(server).status == 200


def test_stopped_server_s_folder_stays_as_it_is(doctor, make_database, tmp_path):
    make_database()
    before = contents(tmp_path)

    report = doctor()

    assert report.status == 0
    assert contents(tmp_path) == before


def test_check_that_hangs_is_given_up_and_the_others_are_told(doctor, tmp_path):
    os.mkfifo(tmp_path / "authserver.db")  # who opens it waits for a writer

    report = doctor()

    assert report.of("database") == [
        (
            "FAIL",
            "No answer within 12 seconds. See whether names are resolved and disks "
            "answer on this machine.",
        )
    ]
    assert report.of("port")[0][0] == "ok"
    assert report.status == 1
