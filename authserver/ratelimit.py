"""Token buckets: how often something may happen, per key.

A bucket holds up to `capacity` tokens and gains `refill_per_s` all the time.
What is limited costs one of them; without one it must wait:

    capacity 3, one token back every 20 s

    t =   0    1    2    3              20
          take take take wait 17 s ...  take
    left  2    1.05 0.1  0.15           0

So a short burst passes and the long-run rate holds, from two numbers, with no
list of past events. `take` is a pure function of the bucket and the time: the
same arithmetic runs on a row of a database (`store.buckets`) and, in `Keeper`,
in memory. Either is a `Limiter`, and whoever asks does not know which.

What `Keeper` promises, and the hole each promise closes:

* It never forgets a bucket that still limits. A table that evicts its oldest
  entry is emptied by whoever sends many names (CVE-2024-21662), and the guesser
  starts afresh. Only a bucket that is full again is dropped: nothing is lost.
* Its memory is bounded all the same. When all places of a key's table are taken
  by limiting buckets, new keys share the overflow buckets of that table. Both
  are chosen by Python's keyed string hash, so nobody can aim at a stranger's.
  Sharing is a limit, and a harsh one once a crowd has emptied them. So they are
  many: a thousand addresses that guess for as long as they may do not.
* A key that finds a place after the crowd is gone starts with what is left in
  its overflow bucket: leaving the overflow is not an amnesty.

Times are seconds on any clock, as floats. A clock that is set back refills
nothing. Keys are opaque text, and each belongs to one budget; that IPv6 counts
by network and that "+tag" is dropped from addresses is the caller's affair.
"""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

# A thread that read the clock before another one took the lock seems to live in
# the past; so does everybody after the clock was set back. Up to this many
# seconds we take it for the former and keep the later time.
LATE_S = 60.0
# Added to each wait, so that rounding never makes the punctual caller late:
# an epoch time as a float is exact to a quarter of a microsecond.
ROUNDING_S = 1e-6
MAX_BUCKETS = 100_000  # 30 MiB should they all be taken, 50 if by long names
# Of a table. A large one is copied as a whole whenever it is full of gaps, to
# where nothing lies yet: the heap would grow a little each time.
TABLE_BUCKETS = 1_000
OVERFLOW_BUCKETS = 65_000  # of each budget; 1 MiB, once there is a crowd
SWEEP_PER_INSERT = 2  # more out than in: the table shrinks while it is used
SWEEP_WHEN_FULL = 16


class Budget(NamedTuple):
    """How much at once, and how fast it comes back."""

    capacity: float
    refill_per_s: float


class Bucket(NamedTuple):
    """`tokens` were left at time `at` (seconds)."""

    tokens: float
    at: float


Claim = tuple[str, Budget]  # a key, and what it may
Table = dict[str, tuple[Bucket, Budget]]  # by key


class Empty(NamedTuple):
    """The first claim whose bucket had nothing left, and for how long."""

    claim: int  # its place among the claims, from 0
    wait_s: float


class Limiter(Protocol):
    """What keeps buckets by key. Both methods may be called from any thread."""

    def take(self, claims: Sequence[Claim]) -> Empty | None:
        """Take from all, or from none and tell which one is empty."""
        ...

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Put back what `take` took: the event does not count after all."""
        ...


def take(bucket: Bucket | None, budget: Budget, *, now: float) -> tuple[Bucket, float]:
    """Take a token; return the bucket after it, and the seconds to wait.

    A wait of 0.0 means taken. Else nothing was taken, and the same call passes
    after exactly that long, if nobody else takes. None is a full bucket.
    """
    if budget.capacity < 1 or budget.refill_per_s <= 0:
        raise ValueError("a bucket that can never hold or regain a token")
    tokens, at = _refilled(bucket, budget, now)
    missing = 1 - tokens
    if missing <= 0:
        return Bucket(-missing, at), 0.0
    wait = missing / budget.refill_per_s + (at - now) + ROUNDING_S
    return Bucket(tokens, at), wait


def give_back(bucket: Bucket | None, budget: Budget, *, now: float) -> Bucket:
    """Return the bucket with a token put back: the event did not count."""
    tokens, at = _refilled(bucket, budget, now)
    return Bucket(min(budget.capacity, tokens + 1), at)


def _refilled(bucket: Bucket | None, budget: Budget, now: float) -> tuple[float, float]:
    """Return how many tokens there are now, and the later of both times."""
    if bucket is None:
        return budget.capacity, now
    tokens, at = bucket
    elapsed = now - at
    if elapsed < 0:
        return min(budget.capacity, tokens), at if elapsed >= -LATE_S else now
    return min(budget.capacity, tokens + elapsed * budget.refill_per_s), now


class Overflow:
    """So many buckets of one budget, which keys share; two numbers for each."""

    def __init__(self, budget: Budget, buckets: int) -> None:
        from array import array  # rarely needed

        self._buckets = buckets
        self._tokens = array("d", [budget.capacity]) * buckets
        self._at = array("d", [0.0]) * buckets

    def bucket(self, number: int) -> Bucket:
        """Return the bucket of a number of any size."""
        place = number % self._buckets
        return Bucket(self._tokens[place], self._at[place])

    def put(self, number: int, bucket: Bucket) -> None:
        """Put a bucket where `bucket` finds it."""
        place = number % self._buckets
        self._tokens[place], self._at[place] = bucket


class Keeper:
    """Buckets by key, in this process; a `Limiter`."""

    def __init__(
        self,
        clock: Callable[[], float],
        max_buckets: int = MAX_BUCKETS,
        overflow_buckets: int = OVERFLOW_BUCKETS,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        tables = max(1, max_buckets // TABLE_BUCKETS)
        # A multiple: so the keys that share a bucket are all of one table.
        self._overflow_buckets = max(1, overflow_buckets // tables) * tables
        self._table_buckets = max_buckets // tables
        # Each in the order in which the sweep visits its buckets.
        self._tables: list[Table] = [{} for _ in range(tables)]
        # Budgets are a handful of constants, so this is bounded as well. They
        # do not share: an empty bucket of 3 would starve a budget of 60.
        self._overflow: dict[Budget, Overflow] = {}

    def __len__(self) -> int:
        """How many keys have a place of their own."""
        return sum(map(len, self._tables))

    def take(self, claims: Sequence[Claim]) -> Empty | None:
        """Take from all, or from none and tell which one is empty."""
        with self._lock:
            now = self._clock()
            after: list[tuple[str, Budget, Bucket]] = []
            for key, budget in claims:
                bucket, wait_s = take(self._find(key, budget), budget, now=now)
                if wait_s > 0:
                    self._put(key, budget, bucket, now)
                    return Empty(len(after), wait_s)
                after.append((key, budget, bucket))
            for key, budget, bucket in after:
                self._put(key, budget, bucket, now)
        return None

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Put back what `take` took: the event does not count after all."""
        with self._lock:
            now = self._clock()
            for key, budget in claims:
                bucket = self._find(key, budget)
                if bucket is None:  # it is full already
                    continue
                bucket = give_back(bucket, budget, now=now)
                table = self._table(key)
                full_house = len(table) >= self._table_buckets
                if bucket.tokens >= budget.capacity and key in table and not full_house:
                    del table[key]
                else:  # in a crowd, who has a place keeps it
                    self._put(key, budget, bucket, now)

    def _find(self, key: str, budget: Budget) -> Bucket | None:
        kept = self._table(key).get(key)
        if kept is not None:
            return kept[0]
        overflow = self._overflow.get(budget)
        return overflow.bucket(hash(key)) if overflow else None

    def _put(self, key: str, budget: Budget, bucket: Bucket, now: float) -> None:
        table = self._table(key)
        if key in table or self._has_room(table, now):
            table[key] = bucket, budget
        else:
            overflow = self._overflow.get(budget)
            if overflow is None:
                overflow = Overflow(budget, self._overflow_buckets)
                self._overflow[budget] = overflow
            overflow.put(hash(key), bucket)

    def _has_room(self, table: Table, now: float) -> bool:
        """Drop a few buckets that are full again; tell if there is room."""
        full_house = len(table) >= self._table_buckets
        visits = SWEEP_WHEN_FULL if full_house else SWEEP_PER_INSERT
        for _ in range(min(visits, len(table))):
            key = next(iter(table))
            kept = table.pop(key)
            if _full_at(*kept) > now:
                table[key] = kept  # behind all others
        return len(table) < self._table_buckets

    def _table(self, key: str) -> Table:
        return self._tables[hash(key) % len(self._tables)]


def _full_at(bucket: Bucket, budget: Budget) -> float:
    """Return the time from which on forgetting the bucket changes nothing."""
    return bucket.at + (budget.capacity - bucket.tokens) / budget.refill_per_s
