"""Multiplying a budget by asking several processes at once.

Whoever counts in memory lets as many guesses through as there are processes,
and a load balancer hands them out for free. With LIMITS=database all processes
draw on one bucket, and when that cannot be asked, nobody passes.
"""

from functools import partial

import pytest

from authserver import errors
from authserver.store.buckets import Shared
from authserver.web.dispatch import Site
from tests.databases import ON_SERVERS

pytestmark = pytest.mark.parametrize("engine", ON_SERVERS)


@pytest.fixture
def limits() -> str:
    return "database"


@pytest.fixture
def processes(make_app, client):
    """Clients of three apps on one database, as of three processes."""
    return [client._replace(site=Site(make_app())) for _ in range(3)]


def test_forty_guesses_at_three_processes_are_ten(processes, alice, at_once):
    tries = [
        partial(each.post, "/auth/login", email=alice.email, password="wrong")
        for each in processes * 2
    ]

    answers = [answer for _ in range(7) for answer in at_once(tries)]

    statuses = [answer.status for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 32)


class Away:
    """A database that does not answer."""

    def transaction(self, *_args, **_kwargs):
        raise errors.Unavailable("away")

    def later(self, *_args, **_kwargs):
        """Lose it: nobody waits."""


def test_without_the_database_nobody_passes(app, client, alice, logged_in):
    away = app._replace(limiter=Shared(Away(), app.now))
    there = client._replace(site=Site(away))

    answers = [
        there.post("/auth/login", email=alice.email, password=alice.password),
        there.post("/auth/otp", email=alice.email),
        there.post("/auth/refresh", refresh_token=logged_in.payload["refresh_token"]),
    ]

    assert [answer.status for answer in answers] == [503] * 3
    assert all(answer.header("Retry-After") for answer in answers)


def test_reading_asks_no_limit_and_writes_nothing(app, client, logged_in):
    away = app._replace(limiter=Shared(Away(), app.now))
    there = client._replace(site=Site(away)).bearer(logged_in.payload["access_token"])

    assert there.get("/protected").status == 200
