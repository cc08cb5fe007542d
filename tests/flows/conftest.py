"""What flows start from: a caller, and a hasher that takes its time."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from authserver.app import App, Caller
from authserver.passwords.hasher import Hasher
from tests import databases


@dataclass(frozen=True)
class SlowHasher:
    """A hasher while which something else happens."""

    hasher: Hasher
    meanwhile: Callable[[], object]

    def hash(self, password: str) -> str:
        self.meanwhile()
        return self.hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> bool:
        self.meanwhile()
        return self.hasher.verify(password, stored)

    def needs_rehash(self, stored: str) -> bool:
        return self.hasher.needs_rehash(stored)


@pytest.fixture(params=databases.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def caller() -> Caller:
    return Caller("192.0.2.1", "Tester/1.0", "0123456789abcdef")


@pytest.fixture
def while_hashing(app: App) -> Callable[[Callable[[], object]], App]:
    """Return a maker of apps in which `meanwhile` happens during each hash."""

    def make(meanwhile: Callable[[], object]) -> App:
        return app._replace(hasher=SlowHasher(app.hasher, meanwhile))

    return make
