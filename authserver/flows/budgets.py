"""How often somebody may try to prove something, or have something sent.

    kind      counted per                  where     when empty
    visible   client address               limiter   429, Retry-After
    visible   identifier typed + address   limiter   429, Retry-After
    silent    account                      rows      the common refusal, or
    silent    contact without account      limiter   simply nothing is sent

Visible limits look only at what the client typed and where it sits, so a 429
tells nothing about who exists. What an account has left must not show: two
identifiers that share a budget would be seen to be one person. So it is
charged silently, and an empty one looks like a wrong password.

The limiter counts in memory or, where processes share their budgets, on rows of
its own (LIMITS): each call is then a transaction, so none is made inside one.

The verbs tell them apart. `admit_*` is visible and raises; `may_*` is silent,
asks the limiter, and says whether to go on; `charge_*` and `refund_*` are
silent rows, in the flow's transaction. Those belong to a payer (`payer_of`): an
account, an account at one of its usual places, or a decoy.

Each try is charged before it is judged and given back if it was right: parallel
guesses cannot slip under the limit. Account budgets are rows, so that a restart
forgives nothing; an unknown identifier charges a decoy row, so that known and
unknown cost the same writes.

An address that logged the account in within 30 days has budgets of its own: a
stranger who empties the common one locks nobody out of their usual place. IPv6
counts by /64, the smallest network a customer gets.
"""

import functools
import math
from typing import NamedTuple

from authserver import errors, identifiers, ratelimit, tokens
from authserver.app import App, Caller
from authserver.flows import places
from authserver.ratelimit import Bucket, Budget, Claim, Empty
from authserver.store import buckets, known_addresses, limits
from authserver.store.database import Transaction
from authserver.store.limits import Limit

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400

# Enough for whoever tries all the passwords they have; then the waits begin.
PASSWORD_FAILURES = Budget(10, 10 / (15 * MINUTE_S))
FIRST_BLOCK_S = 60  # then each further failure doubles the wait ...
LONGEST_BLOCK_S = HOUR_S  # ... up to this
BLOCKS_FORGOTTEN_S = DAY_S  # after a day without a try an account starts afresh
CODE_FAILURES = (Budget(10, 10 / HOUR_S), Budget(30, 30 / DAY_S))
# Five registrations may share a contact, and each guess is made at all of them.
CONTACT_GUESSES = (Budget(30, 30 / HOUR_S), Budget(100, 100 / DAY_S))
SENDS_PER_HOUR = Budget(10, 10 / HOUR_S)  # nobody's mailbox is a target practice
NUMBERS_PER_HOUR = 5  # new phone numbers from one address: each may cost a message
CHECKS_PER_MINUTE = 120  # a page asks at each pause in typing, and people share
ONCE_AN_HOUR = Budget(1, 1 / HOUR_S)
WIDE_NETWORK_FACTOR = 8  # a /48 has 65,536 times /64; eight budgets are enough
DECOYS = 256  # rows that unknown identifiers share

WRONG_PROOF = (errors.InvalidCredentials, errors.InvalidCode, errors.InvalidToken)


class Attempt(NamedTuple):
    """What a try was charged visibly: `with attempt:` the try is judged.

    Only a wrong proof stays charged. A right one gets everything back, and so
    does one that we could not judge: else an outage would end with everybody's
    limits used up.
    """

    app: App
    claims: tuple[Claim, ...]

    def __enter__(self) -> None:
        """Begin to judge."""

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: object
    ) -> None:
        """Put everything back, but for a wrong proof or a bug of ours."""
        refused = isinstance(error, errors.AuthError)
        if error is None or (refused and not isinstance(error, WRONG_PROOF)):
            self.app.limiter.give_back(self.claims)


def admit_request(app: App, caller: Caller) -> None:
    """Count a request that costs something; raise `TooManyRequests`."""
    per_minute = app.settings.address_requests_per_minute
    _charge(app, _by_address("request", caller, per_minute, MINUTE_S))


def admit_check(app: App, caller: Caller) -> None:
    """Count a question about a password; raise `TooManyRequests`."""
    _charge(app, _by_address("check", caller, CHECKS_PER_MINUTE, MINUTE_S))


def admit_password(app: App, caller: Caller, identifier: str) -> Attempt:
    """Count a password try as a failure; raise `TooManyRequests`."""
    key = _typed("password", identifier, caller)
    return _charge(app, (*_failures(app, caller), (key, PASSWORD_FAILURES)))


def admit_guess(app: App, caller: Caller, identifier: str) -> Attempt:
    """Count a guess at a code as a failure; raise `TooManyRequests`."""
    key = _typed("code", identifier, caller)
    return _charge(app, (*_failures(app, caller), *_each(key, CODE_FAILURES)))


def admit_token(app: App, caller: Caller) -> Attempt:
    """Count a refresh, link or grant token as a failure; raise likewise."""
    return _charge(app, _failures(app, caller))


def admit_send(app: App, caller: Caller, identifier: str) -> None:
    """Count a request for a code; raise `TooManyRequests`.

    A phone number counts twice: by itself, and among those that this address
    has named within the hour.
    """
    if identifiers.is_phone(identifier):
        _admit_number(app, caller, identifier)
    _charge(app, _each(_typed("send", identifier, caller), _sends(app)))


def may_send(app: App, contact: str) -> bool:
    """Count a message to a contact that has no account; False: do not send."""
    key = f"contact {identifiers.budget_key(contact)}"
    return app.limiter.take(_each(key, _sends(app))) is None


def may_guess(app: App, contact: str) -> bool:
    """Count a guess at a registration's code; False: do not compare it."""
    key = f"guess {identifiers.budget_key(contact)}"
    return app.limiter.take(_each(key, CONTACT_GUESSES)) is None


def may_try_password(app: App, contact: str) -> bool:
    """Count a password that came with a registration's link; False: refuse it.

    Apart from guesses at codes, which anybody can make: nobody kills a link.
    """
    key = f"link {identifiers.budget_key(contact)}"
    return app.limiter.take(_each(key, CONTACT_GUESSES)) is None


def payer_of(
    tx: Transaction, user_id: str | None, caller: Caller, identifier: str, *, now: int
) -> str:
    """Return whose budget a try is charged to: an account's, or a decoy's."""
    place = places.network(caller.address)
    if user_id is None:
        # Read as much as for a known account.
        known_addresses.find_last_login(tx, "", place)
        return nobody(identifier)
    seen = known_addresses.find_last_login(tx, user_id, place)
    if seen is not None and now - seen < known_addresses.KNOWN_FOR_S:
        return f"{user_id} {place}"
    return user_id


def nobody(identifier: str) -> str:
    """Return the decoy that stands for an identifier that means nobody."""
    return f"nobody {int(tokens.digest(identifier)[:4], 16) % DECOYS}"


def charge_password(tx: Transaction, payer: str, *, now: int) -> bool:
    """Charge a password try to `payer`; False: it must not be judged.

    Ten failures in 15 minutes; from then on single tries, each after a wait
    that doubles from one minute to an hour.
    """
    limit = _password_row(tx, payer, now)
    if now - limit.updated_at >= BLOCKS_FORGOTTEN_S:
        limit = Limit(limit.name, PASSWORD_FAILURES.capacity, now)
    if now < limit.blocked_until:
        return False
    bucket, wait = ratelimit.take(
        Bucket(limit.tokens, limit.updated_at), PASSWORD_FAILURES, now=now
    )
    if limit.blocks == 0 and wait == 0:
        limits.update(tx, Limit(limit.name, bucket.tokens, now))
        return True
    block_s = min(FIRST_BLOCK_S * 2**limit.blocks, LONGEST_BLOCK_S)
    blocks = min(limit.blocks + 1, 16)
    limits.update(tx, Limit(limit.name, 0, now, now + block_s, blocks))
    # The try that finds the bucket empty is refused; one that comes when a
    # block has passed is the single try this earned.
    return limit.blocks > 0


def refund_password(tx: Transaction, payer: str, *, now: int) -> None:
    """Give back a password try that was right, and end the waits."""
    limit = _password_row(tx, payer, now)
    bucket = ratelimit.give_back(
        Bucket(limit.tokens, limit.updated_at), PASSWORD_FAILURES, now=now
    )
    limits.update(tx, Limit(limit.name, bucket.tokens, now))


def forget_failures(tx: Transaction, user_id: str, caller: Caller) -> None:
    """Forget the account's failed passwords, also here: it has a new one."""
    limits.delete_by_name(tx, f"password {user_id}")
    limits.delete_by_name(tx, f"password {user_id} {places.network(caller.address)}")


def charge_code(tx: Transaction, payer: str, *, now: int) -> bool:
    """Charge a guess at a code to `payer`; False: it must not be compared."""
    return buckets.take(tx, _each(f"code {payer}", CODE_FAILURES), now=now) is None


def refund_code(tx: Transaction, payer: str, *, now: int) -> None:
    """Give back a guess that was right."""
    buckets.give_back(tx, _each(f"code {payer}", CODE_FAILURES), now=now)


def charge_send(tx: Transaction, app: App, payer: str, *, now: int) -> bool:
    """Charge a message to an account's contact; False: do not send it."""
    return buckets.take(tx, _each(f"send {payer}", _sends(app)), now=now) is None


def _password_row(tx: Transaction, payer: str, now: int) -> Limit:
    full = Limit(f"password {payer}", PASSWORD_FAILURES.capacity, now)
    return limits.lock_or_insert(tx, full)


def _sends(app: App) -> tuple[Budget, ...]:
    return (_every(MINUTE_S, app.settings.otp_requests_per_minute), SENDS_PER_HOUR)


@functools.cache  # a few, as settings have them: the limiter keeps one with each key
def _every(period_s: int, count: int) -> Budget:
    return Budget(count, count / period_s)


def _each(key: str, budgets: tuple[Budget, ...]) -> tuple[Claim, ...]:
    return tuple((f"{key} {number}", budget) for number, budget in enumerate(budgets))


def _typed(kind: str, identifier: str, caller: Caller) -> str:
    place = places.network(caller.address)
    return f"{kind} {place} {identifiers.budget_key(identifier)}"


def _admit_number(app: App, caller: Caller, phone: str) -> None:
    named = (_typed("number", phone, caller), ONCE_AN_HOUR)
    numbers = _by_address("numbers", caller, NUMBERS_PER_HOUR, HOUR_S)
    empty = app.limiter.take((named, *numbers))
    # The first is empty if this address has named the number before.
    if empty is not None and empty.claim > 0:
        raise _too_many(numbers, empty)


def _failures(app: App, caller: Caller) -> tuple[Claim, ...]:
    per_hour = app.settings.address_failures_per_hour
    return _by_address("failure", caller, per_hour, HOUR_S)


def _by_address(
    kind: str, caller: Caller, count: int, period_s: int
) -> tuple[Claim, ...]:
    own = (f"{kind} {places.network(caller.address)}", _every(period_s, count))
    if ":" not in caller.address:
        return (own,)
    around = f"{kind} around {places.neighbourhood(caller.address)}"
    return (own, (around, _every(period_s, WIDE_NETWORK_FACTOR * count)))


def _charge(app: App, claims: tuple[Claim, ...]) -> Attempt:
    empty = app.limiter.take(claims)
    if empty is not None:
        raise _too_many(claims, empty)
    return Attempt(app, claims)


def _too_many(claims: tuple[Claim, ...], empty: Empty) -> errors.TooManyRequests:
    # The key's first word is its kind; the rest names people.
    kind = claims[0][0].partition(" ")[0]
    return errors.TooManyRequests(kind, retry_after_s=math.ceil(empty.wait_s))
