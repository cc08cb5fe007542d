"""Token buckets on rows of `limits`: what processes share of a budget.

The arithmetic is `ratelimit`'s, on epoch time in whole seconds: between two
processes there is no other clock. Clocks that differ a little refill nothing
twice, as a row keeps the later time.

    lock all rows, in the order of their names   so nobody waits in a circle
    judge each                                   one is empty: nothing is taken
    store them

Locked, not compared and set: whoever asks meanwhile waits a moment for the
answer instead of trying again, and of N parallel requests exactly as many pass
as there are tokens, on however many machines they arrive.

`Shared` takes the place of `ratelimit.Keeper` where several processes serve,
with the same two methods. What a request asks for at once is one transaction.
If the database does not answer, nobody is let through: `Unavailable`.
"""

import logging
from collections.abc import Callable, Sequence

from authserver import errors, ratelimit, tokens
from authserver.ratelimit import Bucket, Budget, Claim, Empty
from authserver.store import limits
from authserver.store.database import Database, Transaction, UniqueViolation
from authserver.store.limits import Limit


def take(tx: Transaction, claims: Sequence[Claim], *, now: int) -> Empty | None:
    """Take from all rows, or from none and tell which one is empty."""
    rows = _lock(tx, claims, now)
    after = []
    for number, (name, budget) in enumerate(claims):
        bucket, wait_s = ratelimit.take(rows[name], budget, now=now)
        if wait_s > 0:
            _store(tx, name, bucket)  # a clock that was set back starts afresh
            return Empty(number, wait_s)
        after.append((name, bucket))
    for name, bucket in after:
        _store(tx, name, bucket)
    return None


def give_back(tx: Transaction, claims: Sequence[Claim], *, now: int) -> None:
    """Put back what `take` took: the event does not count after all."""
    rows = _lock(tx, claims, now)
    for name, budget in claims:
        _store(tx, name, ratelimit.give_back(rows[name], budget, now=now))


log = logging.getLogger(__name__)


class Shared:
    """Buckets by key, the same for all processes of a database."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def take(self, claims: Sequence[Claim]) -> Empty | None:
        """Take from all, or from none and tell which one is empty.

        Raises `errors.Unavailable`.
        """
        named = _named(claims)
        try:
            return self._database.transaction(take, named, now=self._now())
        except UniqueViolation as error:  # each of its rows was made by another
            raise errors.Unavailable("too many made the same row at once") from error

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Put back what `take` took, before anybody goes on.

        Left for later, it could come after the next tries, and who is right ten
        times in a row would be refused. If it fails, somebody has a token less:
        the answer is right already.
        """
        named = _named(claims)
        try:
            self._database.transaction(give_back, named, now=self._now())
        except (errors.Unavailable, UniqueViolation) as error:
            log.warning("a try that was right stays counted: %s", error)


def _named(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Return the claims by the names of their rows.

    A key holds what people typed, which may be anything and does not belong in
    a table, so a row is named by its digest.
    """
    return tuple(
        (f"{_forgotten_after(budget)} {tokens.digest(key)}", budget)
        for key, budget in claims
    )


def _forgotten_after(budget: Budget) -> str:
    """Return the first word of a row's name: when it is surely full again."""
    full_after_s = budget.capacity / budget.refill_per_s
    return limits.HOURLY if round(full_after_s) <= limits.HOUR_S else limits.DAILY


def _lock(tx: Transaction, claims: Sequence[Claim], now: int) -> dict[str, Bucket]:
    rows = {}
    for name, budget in sorted(claims):
        limit = limits.lock_or_insert(tx, Limit(name, budget.capacity, now))
        rows[name] = Bucket(limit.tokens, limit.updated_at)
    return rows


def _store(tx: Transaction, name: str, bucket: Bucket) -> None:
    limits.update(tx, Limit(name, bucket.tokens, int(bucket.at)))
