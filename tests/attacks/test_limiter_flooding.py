"""Flooding the limiter with other names until it forgets the victim.

Argo CD kept failures in a cache of fixed size, so whoever sent enough other
names evicted the victim's counter (CVE-2024-21662). Here a bucket that still
limits is never forgotten, and memory stays bounded all the same. (The limiter
under attack is a smaller one, so that a small flood fills it.)
"""

from contextlib import suppress

import pytest

from authserver import errors
from authserver.app import Caller
from authserver.flows import budgets
from authserver.ratelimit import Keeper
from authserver.web.dispatch import Site

BUCKETS, OVERFLOW = 2_000, 64
FLOOD = 6_000


@pytest.fixture
def cramped(app, clock):
    """The app with a limiter that is soon full."""
    return app._replace(limiter=Keeper(clock.monotonic, BUCKETS, OVERFLOW))


@pytest.fixture
def victim(client, cramped, alice):
    """What tries a wrong password of Alice, from an address of choice."""

    def log_in(address):
        there = client._replace(site=Site(cramped), address=address)
        return there.post("/auth/login", email=alice.email, password="wrong")

    return log_in


def flood(app):
    """Try ever new names from ever new networks."""
    for number in range(FLOOD):
        caller = Caller(f"10.0.{number // 250}.{number % 250}", "", "")
        with suppress(errors.TooManyRequests):  # its neighbours were many
            budgets.admit_password(app, caller, f"name{number}@example.org")


def test_flood_forgets_no_visible_counter(cramped, victim):
    for _ in range(10):
        victim("192.0.2.1")

    flood(cramped)

    assert victim("192.0.2.1").status == 429


def test_flood_forgets_no_account(client, cramped, victim, alice, places):
    for place in places(10):
        victim(place)

    flood(cramped)
    # Through another limiter, so that only the account's own budget answers.
    right = client.post("/auth/login", email=alice.email, password=alice.password)

    assert right.code == "invalid_credentials"


def test_newcomers_are_limited_in_a_full_limiter(cramped):
    flood(cramped)
    late = Caller("192.0.2.201", "", "")

    with pytest.raises(errors.TooManyRequests):
        [budgets.admit_password(cramped, late, "bob@example.org") for _ in range(11)]


def test_memory_is_bounded(cramped):
    flood(cramped)

    kinds = 2  # failures of an address, tries at a name
    assert len(cramped.limiter) <= BUCKETS + kinds * OVERFLOW


def test_unknown_names_fill_no_table(app, client, places):
    for number, place in enumerate(places(300)):
        client.at(place).post("/auth/password/forgot", username=f"name{number}")

    (rows,) = app.database.read(lambda tx: tx.one("SELECT COUNT(*) FROM limits"))
    assert rows <= 2 * budgets.DECOYS
