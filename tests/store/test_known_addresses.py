"""known_addresses: where an account was logged in lately, for thirty days."""

import pytest

from authserver.store import known_addresses, users
from authserver.store.database import UniqueViolation
from tests.store.rows import ALICE, LATER, NOW

HOME = "192.0.2.1/32"


@pytest.fixture
def known(do):
    do(users.insert, ALICE)
    do(known_addresses.insert, ALICE.id, HOME, now=NOW)


def last_login(do, address=HOME):
    return do(known_addresses.find_last_login, ALICE.id, address)


def test_login_is_remembered_for_its_address(do, known):
    assert last_login(do) == NOW
    assert last_login(do, "192.0.2.2/32") is None


def test_next_login_moves_the_time_of_a_known_address_only(do, known):
    def update(address):
        return do(known_addresses.update_last_login, ALICE.id, address, now=LATER)

    assert (update(HOME), update("192.0.2.2/32")) == (True, False)
    assert last_login(do) == LATER


def test_address_is_known_once(do, known):
    with pytest.raises(UniqueViolation):
        do(known_addresses.insert, ALICE.id, HOME, now=NOW)


def test_address_is_forgotten_after_thirty_days(do, known):
    end = NOW + known_addresses.KNOWN_FOR_S

    assert do(known_addresses.delete_expired, now=end - 1, limit=9) == 0
    assert do(known_addresses.delete_expired, now=end, limit=9) == 1
    assert last_login(do) is None
