"""limits: what is used up stays used up until it is forgotten."""

import pytest

from authserver.store import limits
from authserver.store.database import UniqueViolation
from authserver.store.limits import Limit
from tests.store.rows import LATER, NOW

LIMIT = Limit("password alice", 9.5, NOW)


def test_limit_is_found_by_its_name(do):
    do(limits.insert, LIMIT)

    assert do(limits.find_by_name, LIMIT.name) == LIMIT
    assert do(limits.find_by_name, "password bob") is None


def test_name_has_one_limit(do):
    do(limits.insert, LIMIT)

    with pytest.raises(UniqueViolation):
        do(limits.insert, LIMIT)


def test_lock_tells_whether_there_is_a_row_and_changes_none(do):
    before = do(limits.lock, LIMIT.name)
    do(limits.insert, LIMIT)

    assert (before, do(limits.lock, LIMIT.name)) == (False, True)
    assert do(limits.find_by_name, LIMIT.name) == LIMIT


def test_limit_is_replaced_whole(do):
    do(limits.insert, LIMIT)
    after = Limit(LIMIT.name, 0, LATER, blocked_until=LATER + 60, blocks=1)

    do(limits.update, after)

    assert do(limits.find_by_name, LIMIT.name) == after


def test_limit_is_forgotten_by_name(do):
    do(limits.insert, LIMIT)
    do(limits.insert, Limit("password bob", 1, NOW))

    do(limits.delete_by_name, LIMIT.name)

    assert do(limits.find_by_name, LIMIT.name) is None
    assert do(limits.find_by_name, "password bob") is not None


def test_idle_limits_go_in_batches(do):
    do(limits.insert, LIMIT)
    do(limits.insert, Limit("password bob", 1, NOW))

    def delete(idle_since):
        return do(limits.delete_idle, idle_since=idle_since, limit=1)

    assert [delete(NOW - 1), delete(NOW), delete(NOW), delete(NOW)] == [0, 1, 1, 0]
