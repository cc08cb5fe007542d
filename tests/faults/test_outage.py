"""A database that is away for long costs nobody a session.

The commit of a refresh arrives, its answer does not, and every repeat is 503
until long after the time in which a repeat is no theft.
"""

from collections.abc import Callable, Iterator

import pytest

from authserver.web.dispatch import Site
from tests import databases
from tests.conftest import OTHER_PASSWORD, PASSWORD, Answer, Client
from tests.processes import wait_until
from tests.tcp_proxy import Proxy

VERIFIED = "Account verified successfully"
pytestmark = pytest.mark.skipif(not databases.HAVE_MARIADB, reason="no mariadbd")


@pytest.fixture
def engine() -> str:
    return "mariadb"


@pytest.fixture
def proxy(servers) -> Iterator[Proxy]:
    proxy = Proxy(servers.mariadb.port).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def behind_proxy(make_app, alice, database_url, proxy, clock) -> Client:
    """A client of an app that reaches alice's database through the proxy."""
    name = database_url.rpartition("/")[2]
    app = make_app(database_url=f"mysql://test:test@127.0.0.1:{proxy.port}/{name}")
    app.database.outages.clock = clock.monotonic
    return Client(Site(app))


@pytest.fixture
def come_back(proxy, behind_proxy) -> Callable[[], None]:
    """Return what ends the outage, and returns once the app knows."""

    def come_back() -> None:
        proxy.away = False

        def ready() -> bool:
            return behind_proxy.get("/readyz").status == 200

        wait_until(ready, "the database to be back")

    return come_back


@pytest.fixture
def refresh(behind_proxy, alice) -> Callable[[], Answer]:
    """Return what presents alice's first refresh token."""
    form = {"email": alice.email, "password": PASSWORD}
    first = behind_proxy.post("/auth/login", **form).payload["refresh_token"]
    return lambda: behind_proxy.post("/auth/refresh", refresh_token=first)


def test_client_that_repeats_until_the_database_is_back_stays_logged_in(
    refresh, proxy, clock, come_back, behind_proxy
):
    proxy.cuts = ["away"]
    lost = refresh().status
    clock.advance(12)
    during = refresh().status
    come_back()
    clock.advance(25)

    answer, again = refresh(), refresh()

    assert (lost, during, answer.status) == (503, 503, 200)
    assert answer.payload["refresh_token"] == again.payload["refresh_token"]
    bearer = behind_proxy.bearer(answer.payload["access_token"])
    assert bearer.get("/auth/me").status == 200


def test_token_spent_long_before_the_outage_is_still_theft(
    refresh, proxy, clock, come_back
):
    spent = refresh().status
    clock.advance(11)
    proxy.away = True
    during = refresh().status
    come_back()

    assert (spent, during, refresh().status) == (200, 503, 401)


def test_answer_says_that_what_was_asked_may_have_been_done(
    behind_proxy, alice, proxy, come_back
):
    form = {"email": alice.email, "password": PASSWORD}
    pair = behind_proxy.post("/auth/login", **form).payload
    inside = behind_proxy.bearer(pair["access_token"])
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    proxy.cuts, proxy.having = ["away"], b"password_hash ="

    lost = inside.post("/auth/password/change", **change)
    come_back()

    assert (lost.status, lost.header("Retry-After")) == (503, "2")
    assert "or cannot say whether it did. Try again shortly." in lost.payload["detail"]
    assert inside.post("/auth/password/change", **change).status == 401
    changed = {"email": alice.email, "password": OTHER_PASSWORD}
    assert behind_proxy.post("/auth/login", **changed).status == 200


@pytest.fixture
def verify(behind_proxy, mailbox) -> Callable[..., Answer]:
    """Return what proves Bob's address, with his code or another."""
    form = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}
    assert behind_proxy.post("/auth/register", **form).status == 201
    right = mailbox.code("bob@example.org")
    return lambda otp=right: behind_proxy.post(
        "/auth/verify-otp", email="bob@example.org", otp=otp
    )


def test_code_whose_answer_was_lost_is_answered_when_the_database_is_back(
    verify, proxy, clock, come_back
):
    proxy.cuts, proxy.having = ["away"], b"INSERT INTO users"
    lost = verify().status
    come_back()
    wrong, right = verify("000000").status, verify()
    clock.advance(31)

    assert (lost, wrong, right.status, verify().status) == (503, 401, 200, 401)
    assert (right.cookies, right.payload) == ({}, {"message": VERIFIED})


def test_code_that_was_spent_long_before_the_outage_stays_spent(
    verify, proxy, clock, come_back
):
    spent = verify().status
    clock.advance(11)
    proxy.away = True
    during = verify().status
    come_back()

    assert (spent, during, verify().status) == (200, 503, 401)
