"""A commit whose answer was lost: every function takes effect exactly once.

A proxy cuts the line at COMMIT, before or after the server hears of it.
"""

import threading
from collections.abc import Iterator

import pytest

from authserver import errors
from authserver.store import limits, many_writers
from authserver.store.database import open_database
from authserver.store.limits import Limit
from authserver.store.many_writers import ManyWritersDatabase
from tests import databases
from tests.conftest import PATIENCE_S
from tests.tcp_proxy import Proxy

NOW = 1_800_000_000
needs_mariadb = pytest.mark.skipif(not databases.HAVE_MARIADB, reason="no mariadbd")
pytestmark = needs_mariadb


@pytest.fixture
def proxy(servers) -> Iterator[Proxy]:
    proxy = Proxy(servers.mariadb.port).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def database(servers, proxy) -> Iterator[ManyWritersDatabase]:
    name = servers.url("mariadb").rpartition("/")[2]
    opened = open_database(f"mysql://test:test@127.0.0.1:{proxy.port}/{name}", now=NOW)
    yield opened
    opened.close()


def counting():
    """Return a function each of whose calls inserts a row, and names it."""
    calls = []

    def insert(tx):
        calls.append(f"call {len(calls) + 1}")
        limits.insert(tx, Limit(calls[-1], 1, NOW))
        return calls[-1]

    return insert


def row(number):
    return Limit(f"row {number}", 1, NOW)


def names(tx):
    return [name for (name,) in tx.all("SELECT name FROM limits ORDER BY name")]


@pytest.mark.parametrize(
    ("cuts", "standing"),
    [
        ([], "call 1"),
        (["after"], "call 1"),
        (["before"], "call 2"),
        (["before", "after"], "call 2"),
        (["before", "before", "after"], "call 3"),
    ],
)
def test_one_try_stands_and_its_result_is_returned(database, proxy, cuts, standing):
    proxy.cuts = cuts

    result = database.transaction(counting())

    assert result == standing
    assert database.read(names) == [standing]


def test_commits_that_never_arrive_are_unavailable_in_the_end(database, proxy):
    proxy.cuts = ["before"] * 9

    with pytest.raises(errors.Unavailable):
        database.transaction(counting())

    proxy.cuts = []
    assert database.read(names) == []


def test_what_is_left_for_later_is_done_once_as_well(database, proxy):
    proxy.cuts = ["after"]

    database.later(counting())
    database.transaction(counting())

    database.close()
    assert proxy.cuts == []


def test_who_leaves_much_for_later_waits_for_some_of_it(database):
    going_on = threading.Event()
    database.later(lambda tx: going_on.wait(PATIENCE_S))

    for number in range(100):
        database.later(lambda tx, number=number: limits.insert(tx, row(number)))
    left, done = database.waiting, len(database.read(names))
    going_on.set()
    database.close()

    assert left <= many_writers.MOST_LATER
    # The background had taken as many at most, before it stood still.
    assert done >= 100 - 2 * many_writers.MOST_LATER


def test_rows_of_commits_are_forgotten_after_an_hour(database, servers):
    old = "INSERT INTO commits (id, attempt, at) VALUES ('old', 0, 1)"
    database.transaction(lambda tx: tx.execute(old))

    for _ in range(1000):
        database.transaction(lambda tx: None)
    database.later(lambda tx: None)
    database.close()

    url = servers.mariadb.url(databases.NAME)
    again = open_database(url, now=NOW)
    kept = again.read(lambda tx: tx.all("SELECT id FROM commits WHERE at < 1000"))
    again.close()
    assert kept == []
