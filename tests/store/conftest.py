"""What the tests of tables start from: an empty database, and one call."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authserver.store.database import Database, open_database
from tests import databases
from tests.databases import MariaDB
from tests.store.rows import NOW


@pytest.fixture(params=databases.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(database_url: str) -> Iterator[Database]:
    """An empty database, on each engine in turn."""
    database = open_database(database_url, now=NOW)
    yield database
    database.close()


@pytest.fixture
def do(opened: Database) -> Callable[..., Any]:
    """Return what runs a function of the store in a transaction of its own."""
    return opened.transaction


@pytest.fixture
def fresh(servers) -> Iterator[tuple[MariaDB, str]]:
    """A server and the URL of a database on it that nobody has used yet."""
    servers.mariadb.run("CREATE DATABASE test_fresh CHARACTER SET latin1")
    yield servers.mariadb, servers.mariadb.url("test_fresh")
    servers.mariadb.run("DROP DATABASE test_fresh")
