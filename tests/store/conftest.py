"""What the tests of tables start from: an empty database, and one call."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authserver.store.database import open_database
from tests.store.rows import NOW


@pytest.fixture
def do(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return what runs a function of the store in a transaction of its own."""
    database = open_database(f"sqlite:///{tmp_path / 'tables.db'}", now=NOW)
    yield database.transaction
    database.close()
