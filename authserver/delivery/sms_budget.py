"""What text messages may cost: the one place at which each is paid for.

Fraudsters who share in what a far network earns on messages ask for codes for
whole blocks of numbers there, from as many addresses as it takes, and never
type one in ("SMS pumping"). No limit on a caller stops that, so these look at
the number alone, where the money is spent:

    limit      how much                   for
    country    none outside SMS_COUNTRIES every number
    day        SMS_DAILY_LIMIT            every number
    unproven   half of that               numbers that no user has proven
    prefix     50 an hour                 likewise, alike in five digits

So the worst day has a known price, and half of its messages are kept for people
who have shown that they exist, whatever strangers do.

A message pays when it is claimed for its first attempt, in that transaction:
before the money is spent, once however often it is tried; anew only after an
attempt that perhaps sent it. One that may not be sent is given up and pays
nothing. Nothing of this shows to whoever asked.

The budgets are rows, because a restart must forgive nothing. The rows of a UTC
day have its number in their names and count up, so nothing resets them and
SMS_DAILY_LIMIT may change meanwhile; a prefix's is a token bucket. They are
locked in one order by everybody: day, unproven, prefix.
"""

import logging
from typing import NamedTuple

from authserver import identifiers, ratelimit
from authserver.metrics import Metrics
from authserver.ratelimit import Bucket, Budget
from authserver.settings import Settings
from authserver.store import limits, users
from authserver.store.database import Transaction
from authserver.store.limits import Limit

HOUR_S, DAY_S = 3600, 86400
PREFIX_DIGITS = 5  # of +442079460018: country and area, or a block of mobiles
PER_PREFIX = Budget(50, 50 / HOUR_S)
MAX_TOLD = 1_000  # then the operator may hear of something twice
REASONS = {
    "country": "numbers of this country get no text messages (SMS_COUNTRIES)",
    "day": "the day's text messages are used up (SMS_DAILY_LIMIT)",
    "unproven": "the day's text messages to unproven numbers are used up "
    "(half of SMS_DAILY_LIMIT)",
    "prefix": "too many text messages to numbers that begin alike",
}

log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a message may not be sent."""

    kind: str  # a key of REASONS
    period: str  # what the operator is told of once

    @property
    def reason(self) -> str:
        """The reason in words, without the number."""
        return REASONS[self.kind]


def charge(
    tx: Transaction, phone: str, *, settings: Settings, now: int
) -> Refusal | None:
    """Let a message to `phone` pay; the refusal if it must not be sent."""
    day = now // DAY_S
    if not identifiers.is_of_country(phone, settings.sms_countries):
        return Refusal("country", f"day {day}")
    user = users.find_by_phone(tx, phone)
    proven = user is not None and user.phone_verified_at is not None
    most = {"day": settings.sms_daily_limit}
    if not proven:
        most["unproven"] = settings.sms_daily_limit // 2
    paid = []
    for kind, count in most.items():
        row = limits.lock_or_insert(tx, Limit(f"sms {kind} {day}", 0, now))
        if row.tokens >= count:
            return Refusal(kind, f"day {day}")
        paid.append(Limit(row.name, row.tokens + 1, now))
    if not proven:
        prefix = phone[: 1 + PREFIX_DIGITS]
        full = Limit(f"sms prefix {prefix}", PER_PREFIX.capacity, now)
        row = limits.lock_or_insert(tx, full)
        bucket = Bucket(row.tokens, row.updated_at)
        bucket, wait_s = ratelimit.take(bucket, PER_PREFIX, now=now)
        if wait_s > 0:
            return Refusal("prefix", f"{prefix}, hour {now // HOUR_S}")
        paid.append(Limit(row.name, bucket.tokens, now))
    for row in paid:
        limits.update(tx, row)
    return None


class Alarm:
    """Counts refusals; tells of a kind once a day, of a prefix once an hour."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: set[Refusal] = set()

    def sound(self, refusal: Refusal) -> None:
        """Note that a message was refused."""
        self._metrics.count("sms_refused", refusal.kind)
        if refusal in self._told:
            return
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told.add(refusal)
        log.error("text messages are given up: %s: %s", refusal.reason, refusal.period)
