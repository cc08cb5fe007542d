"""A bucket limits exactly, and the keeper forgets none that still limits."""

import threading
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from authserver import ratelimit
from authserver.ratelimit import TABLE_BUCKETS, Bucket, Budget, Keeper

THREE_A_MINUTE = Budget(3, 3 / 60)
EPOCH = 1_700_000_000.0

budgets = st.builds(Budget, st.floats(1, 1000), st.floats(1e-5, 1000))
times = st.floats(0, 2e9)


class Buckets:
    """A keeper that is told the time, and asked for one bucket at once."""

    def __init__(self, **sizes: int) -> None:
        self.now = 0.0
        self.keeper = Keeper(lambda: self.now, **sizes)

    def __len__(self) -> int:
        return len(self.keeper)

    def take(self, key: str, budget: Budget, *, now: float) -> float:
        self.now = now
        empty = self.keeper.take([(key, budget)])
        return empty.wait_s if empty else 0.0

    def give_back(self, key: str, budget: Budget, *, now: float) -> None:
        self.now = now
        self.keeper.give_back([(key, budget)])


def drain(keeper: Buckets, key: str, budget: Budget, *, now: float) -> int:
    """How many takes pass at one moment."""
    passed = 0
    while not keeper.take(key, budget, now=now):
        passed += 1
    return passed


def test_new_bucket_is_full():
    bucket, wait = ratelimit.take(None, THREE_A_MINUTE, now=0)

    assert (bucket, wait) == (Bucket(2, 0), 0.0)


def test_empty_bucket_says_how_long_to_wait_and_stays_as_it_is():
    empty = Bucket(0, 100)

    bucket, wait = ratelimit.take(empty, THREE_A_MINUTE, now=105)

    assert bucket == Bucket(0.25, 105)
    assert wait == pytest.approx(15, abs=1e-5)


def test_bucket_never_holds_more_than_its_capacity():
    bucket, _ = ratelimit.take(Bucket(0, 0), THREE_A_MINUTE, now=1e6)

    assert bucket.tokens == 2


@pytest.mark.parametrize(
    ("capacity", "refill"), [(0, 1), (0.9, 1), (1, 0), (-1, 1), (1, -1)]
)
def test_budget_that_can_never_pass_is_a_bug(capacity, refill):
    with pytest.raises(ValueError, match="never hold or regain"):
        ratelimit.take(None, Budget(capacity, refill), now=0)


@given(budgets, times, st.floats(0, 1))
def test_take_passes_after_exactly_the_wait_it_named(budget, now, level):
    bucket = Bucket(level * budget.capacity, now)

    bucket, wait = ratelimit.take(bucket, budget, now=now)
    assume(wait > 0)

    assert ratelimit.take(bucket, budget, now=now + wait)[1] == 0


@given(times, st.floats(0, 0.99))
def test_take_does_not_pass_before_the_wait_is_over(now, level):
    bucket, wait = ratelimit.take(Bucket(level, now), THREE_A_MINUTE, now=now)

    early = now + wait - 1e-4

    assert ratelimit.take(bucket, THREE_A_MINUTE, now=early)[1] > 0


@given(budgets, st.lists(st.floats(0, 1e5), max_size=60))
def test_no_more_passes_than_capacity_and_refill_allow(budget, steps):
    bucket, now, passed = None, EPOCH, 0
    for step in steps:
        now += step
        bucket, wait = ratelimit.take(bucket, budget, now=now)
        passed += wait == 0

    allowed = budget.capacity + (now - EPOCH) * budget.refill_per_s
    assert passed <= allowed * (1 + 1e-9) + 1e-6


def test_clock_that_is_set_back_refills_nothing():
    bucket, wait = ratelimit.take(Bucket(0, EPOCH), THREE_A_MINUTE, now=EPOCH - 9999)

    assert bucket.tokens == 0
    assert wait > 19


def test_clock_that_was_years_ahead_does_not_lock_out_for_years():
    bucket = Bucket(0, EPOCH + 1e9)

    bucket, wait = ratelimit.take(bucket, THREE_A_MINUTE, now=EPOCH)

    assert wait == pytest.approx(20, abs=1e-5)


def test_late_thread_does_not_let_the_same_seconds_count_twice():
    bucket = Bucket(0, 1000)

    late, wait = ratelimit.take(bucket, THREE_A_MINUTE, now=990)
    on_time, _ = ratelimit.take(late, THREE_A_MINUTE, now=1000)

    assert on_time.tokens == 0
    assert wait == pytest.approx(30, abs=1e-5)


def test_budget_that_shrinks_takes_effect_at_once():
    bucket, _ = ratelimit.take(Bucket(50, EPOCH), THREE_A_MINUTE, now=EPOCH - 1)

    assert bucket.tokens == 2


def test_given_back_token_can_be_taken_again():
    bucket, _ = ratelimit.take(Bucket(1, 0), THREE_A_MINUTE, now=0)

    bucket = ratelimit.give_back(bucket, THREE_A_MINUTE, now=0)

    assert bucket == Bucket(1, 0)


def test_giving_back_does_not_overfill():
    assert ratelimit.give_back(None, THREE_A_MINUTE, now=0).tokens == 3
    assert ratelimit.give_back(Bucket(3, 0), THREE_A_MINUTE, now=9).tokens == 3


def test_keeper_counts_each_key_by_itself():
    keeper = Buckets()

    assert drain(keeper, "alice", THREE_A_MINUTE, now=0) == 3
    assert drain(keeper, "bob", THREE_A_MINUTE, now=0) == 3
    assert keeper.take("alice", THREE_A_MINUTE, now=20.0001) == 0


def test_keeper_gives_back():
    keeper = Buckets()
    drain(keeper, "alice", THREE_A_MINUTE, now=0)

    keeper.give_back("alice", THREE_A_MINUTE, now=0)

    assert drain(keeper, "alice", THREE_A_MINUTE, now=0) == 1


def test_keeper_takes_from_all_or_from_none():
    keeper = Keeper(lambda: 0.0)
    keeper.take([("alice", Budget(1, 1))])

    empty = keeper.take([("bob", THREE_A_MINUTE), ("alice", Budget(1, 1))])

    assert empty == (1, pytest.approx(1))
    assert [keeper.take([("bob", THREE_A_MINUTE)]) for _ in range(3)] == [None] * 3


def test_giving_back_what_was_never_taken_keeps_nothing():
    keeper = Buckets()

    keeper.give_back("alice", THREE_A_MINUTE, now=0)

    assert len(keeper) == 0


def test_full_buckets_are_dropped_while_others_come():
    keeper = Buckets(max_buckets=1000)
    for number in range(1000):
        keeper.take(f"old-{number}", THREE_A_MINUTE, now=0)

    for number in range(500):
        keeper.take(f"new-{number}", THREE_A_MINUTE, now=3600)

    assert len(keeper) <= 502


def test_full_table_of_idle_buckets_makes_room():
    keeper = Buckets(max_buckets=100, overflow_buckets=1)
    for number in range(100):
        keeper.take(f"old-{number}", THREE_A_MINUTE, now=0)
    drain(keeper, "shared", THREE_A_MINUTE, now=0)

    assert drain(keeper, "newcomer", Budget(60, 1), now=3600) == 60
    assert len(keeper) <= 100


def test_bucket_refilled_by_giving_back_is_dropped_at_once():
    slow = Budget(10, 1e-6)
    keeper = Buckets()
    for number in range(100):
        keeper.take(f"login-{number}", slow, now=0)
        keeper.give_back(f"login-{number}", slow, now=0)

    assert len(keeper) == 0


def test_flood_of_names_does_not_free_the_victim():
    keeper = Buckets()
    failures = Budget(5, 5 / 3600)
    for _ in range(4):
        keeper.take("victim", failures, now=0)

    for number in range(200_000):
        keeper.take(f"random-{number}", failures, now=1)

    assert len(keeper) <= 100_000
    assert drain(keeper, "victim", failures, now=2) == 1
    assert keeper.take("victim", failures, now=3) > 0


def test_flood_of_names_takes_bounded_memory():
    # Small, as tracing is slow; what counts is that the size stops growing.
    keeper = Buckets(max_buckets=1000, overflow_buckets=10)
    flood(keeper, 5000)
    tracemalloc.start()
    try:
        flood(keeper, 30_000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(keeper) == 1000
    assert grown < 100_000


def flood(keeper: Buckets, names: int) -> None:
    for number in range(names):
        keeper.take(f"random-{names}-{number}", THREE_A_MINUTE, now=0)


def test_names_in_the_overflow_are_limited_together():
    keeper = Buckets(max_buckets=10, overflow_buckets=4)
    for number in range(10):
        keeper.take(f"early-{number}", THREE_A_MINUTE, now=0)

    passed = sum(drain(keeper, f"late-{n}", THREE_A_MINUTE, now=0) for n in range(500))

    assert passed == 4 * 3


def test_leaving_the_overflow_is_no_amnesty():
    keeper = Buckets(max_buckets=1, overflow_buckets=1)
    slow = Budget(3, 3 / 3600)
    keeper.take("first", THREE_A_MINUTE, now=0)
    drain(keeper, "victim", slow, now=0)

    # The table has room again, and the victim gets a place of its own.
    assert drain(keeper, "victim", slow, now=60) == 0
    assert keeper.take("victim", slow, now=60) > 1000


def test_guesses_of_a_thousand_addresses_lock_no_stranger_out():
    # A hundred in the first hour for each, and each at another name.
    keeper, an_hour = Buckets(), Budget(10, 10 / 3600)
    for number in range(120_000):
        keeper.take(f"code {number} 0", an_hour, now=0)
        keeper.take(f"code {number} 1", Budget(30, 30 / 86400), now=0)

    strangers = [f"code alice-{number} 0" for number in range(1000)]

    assert all(keeper.take(each, an_hour, now=0) == 0 for each in strangers)


def test_who_has_a_place_in_a_crowd_keeps_it_when_all_is_given_back():
    keeper = Buckets(max_buckets=2, overflow_buckets=1)
    keeper.take("honest", THREE_A_MINUTE, now=0)
    for guesser in ("first", "second"):
        drain(keeper, guesser, THREE_A_MINUTE, now=0)

    keeper.give_back("honest", THREE_A_MINUTE, now=0)

    assert drain(keeper, "honest", THREE_A_MINUTE, now=0) == 3


def test_crowded_table_limits_nobody_in_another():
    keeper = Buckets(max_buckets=3 * TABLE_BUCKETS)
    crowd = [f"guesser-{number}" for number in range(10 * TABLE_BUCKETS)]
    for each in crowd:
        if hash(each) % 3 == 0:
            drain(keeper, each, THREE_A_MINUTE, now=0)

    others = [each for each in crowd if hash(each) % 3 == 1][:TABLE_BUCKETS]

    assert all(drain(keeper, each, THREE_A_MINUTE, now=0) == 3 for each in others)


def test_overflow_of_one_budget_does_not_starve_another():
    keeper = Buckets(max_buckets=1, overflow_buckets=1)
    keeper.take("first", THREE_A_MINUTE, now=0)
    drain(keeper, "guesser", THREE_A_MINUTE, now=0)

    assert drain(keeper, "reader", Budget(60, 1), now=0) == 60


def test_giving_back_works_in_the_overflow():
    keeper = Buckets(max_buckets=1, overflow_buckets=1)
    keeper.take("first", THREE_A_MINUTE, now=0)
    drain(keeper, "late", THREE_A_MINUTE, now=0)

    keeper.give_back("late", THREE_A_MINUTE, now=0)

    assert drain(keeper, "late", THREE_A_MINUTE, now=0) == 1


def test_parallel_takes_never_pass_more_than_the_capacity():
    keeper = Buckets()
    budget = Budget(100, 1e-9)
    barrier = threading.Barrier(8)
    passed = []

    def guess() -> None:
        barrier.wait()
        passed.extend(
            wait for _ in range(500) if not (wait := keeper.take("a", budget, now=0))
        )

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passed) == 100
