"""buckets: of what processes share, none takes more than there is."""

import threading

import pytest

from authserver import errors
from authserver.flows import purge
from authserver.ratelimit import Budget
from authserver.store import buckets, limits
from authserver.store.buckets import Shared
from authserver.store.database import UniqueViolation
from tests.store.rows import NOW

THREE_A_MINUTE = Budget(3, 3 / 60)
TEN_AN_HOUR = Budget(10, 10 / 3600)
THIRTY_A_DAY = Budget(30, 30 / 86400)


@pytest.fixture
def take(do):
    """Take from rows at a time; return the wait."""

    def take(*claims, now=NOW):
        empty = do(buckets.take, claims, now=now)
        return empty.wait_s if empty else 0

    return take


@pytest.fixture
def shared(opened):
    return Shared(opened, lambda: NOW)


@pytest.fixture
def settle(opened):
    """Return what waits until all is written that nobody waits for."""

    def settle():
        written = threading.Event()
        opened.later(lambda tx: written.set())
        assert written.wait(10)
        opened.transaction(lambda tx: None)

    return settle


def test_a_row_is_a_bucket(take):
    claim = ("alice", THREE_A_MINUTE)

    waits = [take(claim) for _ in range(4)]

    assert waits == [0, 0, 0, pytest.approx(20, abs=0.01)]
    assert take(claim, now=NOW + 19) > 0
    assert take(claim, now=NOW + 20) == 0


def test_one_empty_row_keeps_the_others_full(take, do):
    for _ in range(3):
        take(("alice", THREE_A_MINUTE))

    for _ in range(20):
        assert take(("everybody", TEN_AN_HOUR), ("alice", THREE_A_MINUTE)) > 0

    assert do(limits.find_by_name, "everybody").tokens == 10


def test_token_comes_back(take, do):
    for _ in range(3):
        take(("alice", THREE_A_MINUTE))

    do(buckets.give_back, [("alice", THREE_A_MINUTE)], now=NOW)

    assert [take(("alice", THREE_A_MINUTE)) > 0 for _ in range(2)] == [False, True]


def test_clock_that_lags_behind_refills_nothing_twice(take):
    claim = ("alice", Budget(3, 1))
    for _ in range(3):
        take(claim)

    # Two machines whose clocks are a second apart ask in turn.
    passed = [take(claim, now=NOW - number % 2) == 0 for number in range(20)]

    assert not any(passed)


def test_clock_that_was_set_back_limits_no_longer_than_told(take):
    claim = ("alice", THREE_A_MINUTE)
    for _ in range(3):
        take(claim)

    wait_s = take(claim, now=NOW - 86400)

    assert wait_s == pytest.approx(20, abs=0.01)
    assert take(claim, now=NOW - 86400 + 20) == 0


def test_shared_buckets_are_those_of_all_who_share(opened, shared):
    other = Shared(opened, lambda: NOW)
    claims = [("alice", THREE_A_MINUTE)]

    found = [each.take(claims) for each in (shared, other, shared, other)]

    assert found == [None, None, None, (0, pytest.approx(20, abs=0.01))]


def test_what_is_given_back_can_be_taken_again(shared, settle):
    claims = [("alice", Budget(1, 1e-6)), ("around alice", THREE_A_MINUTE)]
    shared.take(claims)

    shared.give_back(claims)
    settle()

    assert [shared.take(claims) is None for _ in range(2)] == [True, False]


def test_rows_do_not_hold_what_people_typed(shared, do):
    shared.take([("password 192.0.2.1/32 my password by mistake", TEN_AN_HOUR)])

    ((name,),) = do(lambda tx: tx.all("SELECT name FROM limits"))
    assert "mistake" not in name


def test_parallel_takes_pass_as_often_as_there_are_tokens(shared):
    claims = [("alice", TEN_AN_HOUR), ("everybody", Budget(100, 1e-6))]
    barrier = threading.Barrier(8)
    found = []

    def ask():
        barrier.wait()
        found.extend(shared.take(claims) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (found.count(None), len(found)) == (10, 40)


class Crowded:
    """A database in which somebody else is always faster."""

    def transaction(self, *_args, **_kwargs):
        raise UniqueViolation


def test_race_without_end_lets_nobody_through():
    with pytest.raises(errors.Unavailable):
        Shared(Crowded(), lambda: NOW).take([("alice", THREE_A_MINUTE)])


def test_row_goes_when_it_is_full_and_not_before(shared, do):
    shared.take([("an hour", TEN_AN_HOUR), ("a day", THIRTY_A_DAY)])
    do(limits.insert, limits.Limit("password alice", 1, NOW))

    def delete(now):
        return do(limits.delete_full_hourly, now=now, limit=10)

    assert [delete(NOW + 3599), delete(NOW + 3600)] == [0, 1]
    assert do(lambda tx: tx.one("SELECT COUNT(*) FROM limits")) == (2,)
    assert purge.LIMITS_KEPT_S >= 86400
