"""Races while every statement takes long: two transactions always overlap.

MySQL's default isolation lets one transaction overwrite what another wrote
after it had looked (lost update). With a pause after each statement whatever is
checked in one and written in another is caught in between (THREATS row A9).
"""

import time
from functools import partial

import pytest

from authserver.web.dispatch import Site
from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

PAUSE_S = 0.01  # a statement takes a tenth of that
HANDS = 6
PASSWORD = "correct horse battery"


class SlowTransaction:
    """A transaction that rests after each statement."""

    def __init__(self, tx):
        self._tx = tx

    def __getattr__(self, name):
        method = getattr(self._tx, name)

        def call(*args):
            result = method(*args)
            time.sleep(PAUSE_S)
            return result

        return call


class SlowDatabase:
    """A database all of whose transactions rest after each statement."""

    def __init__(self, database):
        self._database = database

    def transaction(self, function, /, *args, **kwargs):
        return self._database.transaction(
            lambda tx: function(SlowTransaction(tx), *args, **kwargs)
        )

    def __getattr__(self, name):
        return getattr(self._database, name)


@pytest.fixture
def slow(app, client):
    """A client of the same app on a slow database."""
    site = Site(app._replace(database=SlowDatabase(app.database)))
    return client._replace(site=site)


@pytest.fixture
def race(slow, places, at_once):
    """Return what sends one request from many places at one moment."""

    def run(path, **body):
        hands = [slow.at(place) for place in places(HANDS)]
        return at_once([partial(hand.post, path, **body) for hand in hands])

    return run


def statuses(answers):
    """Sorted, without those whom the busy database sent away (503)."""
    return sorted(each.status for each in answers if each.status != 503)


def test_one_login_code_opens_one_session(race, client, mailbox, alice, sql):
    client.post("/auth/otp", email=alice.email, purpose="login")

    answers = race("/auth/login", email=alice.email, otp=mailbox.code(alice.email))

    assert statuses(answers)[0] == 200
    assert statuses(answers).count(200) == 1
    assert sql("SELECT COUNT(*) FROM sessions") == [(1,)]


def test_one_verify_code_makes_one_user(race, client, mailbox, sql):
    email = "bob@example.org"
    client.post("/auth/register", username="bob", email=email, password=PASSWORD)

    answers = race("/auth/login", email=email, otp=mailbox.code(email))

    assert statuses(answers).count(200) == 1
    assert sql("SELECT COUNT(*) FROM users") == [(1,)]


def test_one_grant_changes_the_password_once(race, client, mailbox, alice, sql):
    client.post("/auth/password/forgot", email=alice.email)
    code = mailbox.code(alice.email)
    grant = client.post("/validate-otp", email=alice.email, otp=code)

    answers = race(
        "/auth/password/reset",
        token=grant.payload["reset_token"],
        new_password="another good phrase",
    )

    assert statuses(answers).count(200) == 1
    assert sql("SELECT password_version FROM users") == [(2,)]


def test_one_refresh_token_has_one_successor(race, logged_in, sql):
    answers = race(
        "/auth/refresh-token", refresh_token=logged_in.payload["refresh_token"]
    )

    successors = {
        each.payload["refresh_token"] for each in answers if each.status == 200
    }
    assert len(successors) == 1
    assert sql("SELECT COUNT(*) FROM refresh_tokens") == [(2,)]


@pytest.mark.parametrize("app", [{"session_policy": "single"}], indirect=True)
def test_one_session_is_the_only_one(race, client, alice, sql):
    answers = race("/auth/login", identifier="alice", password=PASSWORD)

    assert statuses(answers).count(200) == 1
    assert sql("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL") == [(1,)]


def test_one_name_goes_to_one_of_those_who_prove_it(
    slow, client, mailbox, places, at_once, sql
):
    emails = [f"bob{number}@example.org" for number in range(HANDS)]
    hands = [slow.at(place) for place in places(HANDS)]
    for hand, email in zip(hands, emails, strict=True):
        client.at(hand.address).post(
            "/auth/register", username="bob", email=email, password=PASSWORD
        )

    answers = at_once(
        [
            partial(hand.post, "/auth/verify-otp", email=email, otp=mailbox.code(email))
            for hand, email in zip(hands, emails, strict=True)
        ]
    )

    assert statuses(answers).count(200) == 1
    assert set(statuses(answers)) <= {200, 409}
    assert sql("SELECT COUNT(*) FROM users") == [(1,)]


def test_wrong_guesses_are_all_counted(race, client, mailbox, alice, wrong, sql):
    client.post("/auth/otp", email=alice.email, purpose="login")
    code = mailbox.code(alice.email)

    answers = race("/auth/login", email=alice.email, otp=wrong(code))

    judged = min(len(statuses(answers)), 5)
    (left,) = sql("SELECT attempts_left FROM one_time_codes WHERE purpose = 'login'")[0]
    assert left <= 5 - judged
