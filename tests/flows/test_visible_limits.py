"""What one place may ask, send and get wrong: every number exactly."""

import itertools
from functools import partial

import pytest

from authserver import errors
from authserver.app import Caller
from authserver.flows import budgets, places
from authserver.web.dispatch import Site
from tests.conftest import PASSWORD
from tests.counting import passes, wait_of

HERE = Caller("192.0.2.1", "", "")
HOUR_S = 3600


@pytest.fixture(params=["process", "database"])
def limits(request) -> str:
    return request.param


# Messages.


def test_three_codes_a_minute_may_be_asked_for(app, clock):
    ask = partial(budgets.admit_send, app, HERE, "alice@example.org")

    assert passes(ask) == 3
    assert 20 <= wait_of(ask) <= 21
    clock.advance(20)
    assert passes(ask) == 1


def test_codes_per_minute_is_a_setting(make_app):
    app = make_app(otp_requests_per_minute=5)

    assert passes(partial(budgets.admit_send, app, HERE, "alice@example.org")) == 5


def trickle(clock, ask):
    """Ask three times, then every 20 s for five minutes; return how often."""
    passed = passes(ask)
    for _ in range(15):
        clock.advance(20)
        passed += passes(ask)
    return passed


def test_ten_codes_an_hour_may_be_asked_for(app, clock):
    ask = partial(budgets.admit_send, app, HERE, "alice@example.org")

    assert trickle(clock, ask) == 10
    assert 60 <= wait_of(ask) <= 61  # six minutes after the first


def test_ten_messages_an_hour_reach_an_account(app, clock):
    def charge():
        charged = partial(budgets.charge_send, now=app.now())
        return app.database.transaction(charged, app, "somebody")

    assert trickle(clock, charge) == 10


def test_ten_messages_an_hour_reach_a_contact_without_account(app, clock):
    assert trickle(clock, partial(budgets.may_send, app, "bob@example.org")) == 10


def test_plus_tags_are_one_contact(app):
    for number in range(3):
        assert budgets.may_send(app, f"bob+{number}@example.org")

    assert not budgets.may_send(app, "bob@example.org")


def test_empty_budget_of_an_account_sends_nothing_and_says_nothing(
    client, mailbox, alice
):
    mailbox.fetch()
    places = [client.at(f"203.0.113.{number}") for number in range(20)]

    answers = [each.post("/auth/password/forgot", username="alice") for each in places]

    assert {answer.status for answer in answers} == {200}
    assert len(mailbox.fetch()) == 3


# Numbers.


def numbers(app, address="192.0.2.1"):
    """Return what asks for a code to a number never asked for before."""
    fresh = itertools.count(442079460000)
    caller = Caller(address, "", "")
    return lambda: budgets.admit_send(app, caller, f"+{next(fresh)}")


def test_address_may_name_five_phone_numbers_an_hour(app, clock):
    ask = numbers(app)

    assert passes(ask) == 5
    assert 719 <= wait_of(ask) <= 721
    clock.advance(HOUR_S)
    assert passes(ask) == 5


def test_number_named_again_does_not_count(app, clock):
    ask = numbers(app)
    for _ in range(3):
        budgets.admit_send(app, HERE, "+442079460018")
        clock.advance(60)

    assert passes(ask) == 4
    budgets.admit_send(app, HERE, "+442079460018")
    assert passes(numbers(app, "192.0.2.2")) == 5


def test_number_that_was_refused_was_not_named(app, clock):
    passes(numbers(app))
    ask = partial(budgets.admit_send, app, HERE, "+442079460018")

    assert [wait_of(ask) > 0 for _ in range(3)] == [True] * 3
    clock.advance(720)
    assert passes(ask) == 3


def test_addresses_of_one_64_share_their_numbers(app):
    assert passes(numbers(app, "2001:db8::1")) == 5
    with pytest.raises(errors.TooManyRequests):
        budgets.admit_send(app, Caller("2001:db8::2", "", ""), "+4915112345678")


def test_mail_addresses_are_not_counted_as_numbers(app):
    addresses = itertools.count()

    def ask():
        budgets.admit_send(app, HERE, f"+44207946001{next(addresses)}@example.org")

    assert passes(ask, most=50) == 50


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/otp", {}),
        ("/forgot-password", {}),
        ("/auth/contacts", {"current_password": PASSWORD}),
        ("/auth/register", {"username": "carol", "password": PASSWORD}),
    ],
)
def test_sixth_number_is_refused_wherever_it_is_typed(client, logged_in, path, body):
    inside = client.bearer(logged_in.payload["access_token"])
    for number in range(5):
        inside.post("/auth/otp", phone=f"+4915112345{number}")

    refused = inside.post(path, phone="+442079460018", **body)
    known = inside.post("/auth/otp", phone="+49151123450")

    assert (refused.status, known.status) == (429, 200)
    assert int(refused.header("Retry-After")) > 600


# Addresses.


def test_address_has_sixty_requests_a_minute(client, clock):
    ask = partial(client.post, "/auth/refresh", refresh_token="unknown")

    statuses = [ask().status for _ in range(61)]
    refused = ask()

    assert statuses == [401] * 60 + [429]
    assert refused.header("Retry-After") in ("1", "2")
    assert client.at("192.0.2.2").post("/auth/login").status == 400
    clock.advance(1)
    assert ask().status == 401


def test_address_has_a_hundred_failures_an_hour(app, clock):
    attempt = partial(budgets.admit_token, app, HERE)

    assert passes(attempt) == 100
    assert 36 <= wait_of(attempt) <= 37
    clock.advance(HOUR_S)
    assert passes(attempt) == 100


def test_failures_of_all_kinds_count_together(app):
    kinds = (budgets.admit_password, budgets.admit_guess)
    for number in range(98):
        kinds[number % 2](app, HERE, f"name{number}")

    assert passes(partial(budgets.admit_token, app, HERE)) == 2


def test_success_is_no_failure(app):
    for _ in range(300):
        with budgets.admit_password(app, HERE, "alice"):
            pass

    assert passes(partial(budgets.admit_password, app, HERE, "alice")) == 10


@pytest.mark.parametrize(
    "error", [errors.InvalidCredentials, errors.InvalidCode, errors.InvalidToken]
)
def test_wrong_proof_stays_charged(app, error):
    for _ in range(3):
        with pytest.raises(error), budgets.admit_password(app, HERE, "alice"):
            raise error

    assert passes(partial(budgets.admit_password, app, HERE, "alice")) == 7


def test_bug_of_ours_forgives_no_guess(app):
    with pytest.raises(KeyError), budgets.admit_password(app, HERE, "alice"):
        raise KeyError

    assert passes(partial(budgets.admit_password, app, HERE, "alice")) == 9


class Outage:
    """A database that can be read and not written."""

    def __init__(self, database):
        self.read, self.read_once = database.read, database.read_once
        self.reads_wait = database.reads_wait

    def transaction(self, *_args, **_kwargs):
        raise errors.Unavailable("out of order")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/login", {"identifier": "alice", "password": "wrong"}),
        ("/auth/login", {"identifier": "alice", "otp": "000000"}),
        ("/auth/verify-otp", {"identifier": "alice", "otp": "000000"}),
        ("/validate-otp", {"identifier": "alice", "otp": "000000"}),
        (
            "/auth/password/reset",
            {"identifier": "alice", "otp": "000000", "new_password": "a good phrase"},
        ),
        ("/auth/refresh", {"refresh_token": "unknown"}),
    ],
)
def test_outage_is_nobodys_failure(app, client, path, body):
    broken = client._replace(site=Site(app._replace(database=Outage(app.database))))

    answers = [broken.post(path, **body) for _ in range(20)]

    assert {answer.status for answer in answers} == {503}
    assert (
        passes(partial(budgets.admit_token, app, Caller(client.address, "", ""))) == 100
    )


def test_right_code_that_is_refused_for_another_reason_is_no_failure(
    make_app, client, mailbox, tmp_path
):
    app = make_app(
        session_policy="single", database_url=f"sqlite:///{tmp_path / 'single.db'}"
    )
    client, mailbox = client._replace(site=Site(app)), type(mailbox)(app)
    body = {"username": "bob", "email": "bob@example.org"}
    client.post("/auth/register", password="correct horse battery", **body)
    client.post("/auth/login", identifier="bob", otp=mailbox.code("bob@example.org"))
    mailbox.fetch()
    client.post("/auth/otp", identifier="bob", purpose="login")
    code = mailbox.code("bob@example.org")

    answers = [
        client.post("/auth/login", identifier="bob", otp=code) for _ in range(15)
    ]

    assert {answer.code for answer in answers} == {"session_active"}


def test_try_refused_by_one_limit_is_charged_to_none(app):
    tries = partial(budgets.admit_password, app, HERE, "alice")
    passes(tries)
    for _ in range(200):
        wait_of(tries)

    assert passes(partial(budgets.admit_token, app, HERE)) == 90


def request_from(app, address):
    return partial(budgets.admit_request, app, Caller(address, "", ""))


def test_addresses_of_one_64_share_a_budget(app):
    passes(request_from(app, "2001:db8::1"))

    assert passes(request_from(app, "2001:db8::ffff:ffff:ffff:1")) == 0
    assert passes(request_from(app, "2001:db8:0:1::1")) == 60


def test_networks_of_one_48_share_eight_budgets(app):
    passed = [passes(request_from(app, f"2001:db8:7:{n:x}::1")) for n in range(10)]

    assert passed == [60] * 8 + [0, 0]
    assert passes(request_from(app, "2001:db8:8::1")) == 60


def test_typed_names_are_limited_per_network(app):
    def tries(address):
        return partial(budgets.admit_password, app, Caller(address, "", ""), "alice")

    assert passes(tries("2001:db8::1")) == 10
    assert passes(tries("2001:db8::2")) == 0
    assert passes(tries("192.0.2.1")) == 10
    assert passes(tries("192.0.2.2")) == 10


@pytest.mark.parametrize(
    ("address", "network", "neighbourhood"),
    [
        ("192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("a unix socket", "a unix socket", "a unix socket"),
    ],
)
def test_network_is_what_one_customer_has(address, network, neighbourhood):
    assert places.network(address) == network
    assert places.neighbourhood(address) == neighbourhood
