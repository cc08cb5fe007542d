"""A MySQL or MariaDB server: reached, strict, durable, and of our time."""

import contextlib
from collections.abc import Iterator

import pytest

from authserver.store.database import open_database
from tests import databases, ports

KEY = "k3y-" * 10


@pytest.fixture(params=databases.ON_SERVERS)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hour_ahead(servers: databases.Servers) -> Iterator[str]:
    """The URL of a database whose clock is an hour ahead for its user."""
    url = servers.url("mariadb")
    servers.mariadb.run(
        "CREATE USER early@'127.0.0.1' IDENTIFIED BY 'bird'",
        f"GRANT ALL ON {databases.NAME}.* TO early@'127.0.0.1'",
        # Not obeyed for the users of other tests, who may do anything.
        "SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 3600'",
    )
    yield url.replace("test:test", "early:bird")
    servers.mariadb.run("SET GLOBAL init_connect = ''", "DROP USER early@'127.0.0.1'")


def test_server_and_driver_are_named(doctor, database_url):
    open_database(database_url, now=0).close()

    report = doctor(DATABASE_URL=database_url, SECRET_KEY=KEY)

    states = [state for state, _ in report.of("database")]
    told = [words for _, words in report.of("database")]
    assert states[:3] == ["ok", "ok", "ok"]
    assert told[0].startswith(("MariaDB 1", "MySQL 9"))
    assert told[1].startswith("mysql-connector-python 9.7.0 (C)")
    assert "its schema is up to date" in told
    assert report.of("clock")[0][1].endswith("and the database agrees")
    assert report.of("server") == report.of("database files") == []
    assert report.status == 0
    assert "test:test" not in report.text


def test_looking_makes_no_table(doctor, servers):
    servers.mariadb.run("CREATE DATABASE test_untouched")

    report = doctor(DATABASE_URL=servers.mariadb.url("test_untouched"), SECRET_KEY=KEY)

    with contextlib.closing(servers.mariadb.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW TABLES FROM test_untouched")
        assert cursor.fetchall() == []
    servers.mariadb.run("DROP DATABASE test_untouched")
    state, words = report.of("database")[-1]
    assert (state, words[:18]) == ("warn", "lacks 0000_schema_")


def test_commit_that_a_power_cut_takes_back_is_a_warning(doctor, servers):
    report = doctor(DATABASE_URL=servers.url("mariadb"), SECRET_KEY=KEY)

    assert (
        "warn",
        "a power cut may take back what was acknowledged, logouts too. Set on the "
        "server: innodb_flush_log_at_trx_commit=1",
    ) in report.of("database")


def test_clock_an_hour_apart_fails(doctor, hour_ahead):
    ((state, words),) = doctor(DATABASE_URL=hour_ahead, SECRET_KEY=KEY).of("clock")

    assert state == "FAIL"
    assert "the database's is +3" in words
    assert "Set both clocks" in words


def test_server_that_does_not_answer_is_told_without_the_password(doctor):
    url = f"mysql://alice:hush@127.0.0.1:{ports.free_port()}/accounts"

    report = doctor(DATABASE_URL=url, SECRET_KEY=KEY)

    ((state, words),) = report.of("database")
    assert state == "FAIL"
    assert "Check that the server runs" in words
    assert "hush" not in report.text


def test_missing_key_is_told_because_no_file_can_hold_it(doctor, database_url):
    report = doctor(DATABASE_URL=database_url)

    assert report.of("secret key") == [
        (
            "FAIL",
            "SECRET_KEY is missing. Set at least 32 random bytes, as from: openssl "
            "rand -base64 48",
        )
    ]
