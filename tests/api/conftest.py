"""The routes, on every engine."""

import pytest

from tests import databases


@pytest.fixture(params=databases.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)
