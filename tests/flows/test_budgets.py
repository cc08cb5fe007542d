"""The budgets of accounts: every number exactly, and whose budget pays."""

from functools import partial

import pytest

from authserver.app import Caller
from authserver.flows import budgets
from tests.counting import passes

HERE = Caller("192.0.2.1", "", "")
HOUR_S, DAY_S = 3600, 86400


@pytest.fixture
def charge(app):
    """Charge the row of an account, now; False means refused."""

    def charge(function, *args, payer="somebody"):
        charged = partial(function, now=app.now())
        return app.database.transaction(charged, *args, payer)

    return charge


@pytest.fixture
def password(charge):
    return partial(charge, budgets.charge_password)


@pytest.fixture
def code(charge):
    return partial(charge, budgets.charge_code)


@pytest.fixture
def payer_of(app):
    """Return whose budget an identifier's tries are charged to, and where."""

    def payer_of(user_id, address, identifier="alice"):
        caller = Caller(address, "", "")
        found = partial(budgets.payer_of, now=app.now())
        return app.database.transaction(found, user_id, caller, identifier)

    return payer_of


# Failed passwords, per account.


def test_ten_passwords_may_fail(password):
    assert passes(password) == 10


def test_waits_double_from_a_minute_to_an_hour(clock, password):
    passes(password)
    waits = [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]

    tries = []
    for wait in waits:
        clock.advance(wait - 1)
        early = password()
        clock.advance(1)
        tries.append((early, password(), password()))

    # Each wait earns one single try, at its very end.
    assert tries == [(False, True, False)] * len(waits)


def test_one_failure_every_ninety_seconds_never_blocks(clock, password):
    passes(password, most=9)

    for _ in range(100):
        clock.advance(90)
        assert password()


def test_tries_during_a_wait_do_not_lengthen_it(clock, password):
    passes(password)
    for _ in range(59):
        clock.advance(1)
        password()

    clock.advance(1)

    assert password()


def test_right_password_ends_the_waits(clock, charge, password):
    passes(password)
    clock.advance(60)
    password()

    charge(budgets.refund_password)

    assert passes(password) == 1


def test_right_password_gives_its_try_back(charge, password):
    for _ in range(50):
        assert password()
        charge(budgets.refund_password)

    assert passes(password) == 10


def test_a_day_without_a_try_forgets_the_blocks(clock, password):
    passes(password)
    clock.advance(60)
    password()

    clock.advance(DAY_S)

    assert passes(password) == 10


def test_new_password_forgets_failures_of_strangers_and_of_this_place(
    app, password, clock
):
    payers = ("somebody", "somebody 192.0.2.1/32", "somebody 192.0.2.2/32")
    for payer in payers:
        passes(partial(password, payer=payer))

    app.database.transaction(budgets.forget_failures, "somebody", HERE)

    assert [passes(partial(password, payer=payer)) for payer in payers] == [10, 10, 0]


def test_clock_set_back_forgives_nothing(clock, password, code):
    passes(password)
    passes(code)

    clock.epoch_s -= 30 * DAY_S

    assert (password(), code()) == (False, False)


# Failed codes, per account.


def test_codes_may_fail_ten_times_an_hour_and_thirty_times_a_day(clock, code):
    hours = []
    for _ in range(4):
        hours.append(passes(code))
        clock.advance(HOUR_S)

    # 30 at once, and one more for each 48 minutes that have passed.
    assert hours == [10, 10, 10, 3]


def test_right_code_gives_its_guess_back(charge, code):
    for _ in range(50):
        assert code()
        charge(budgets.refund_code)

    assert passes(code) == 10


def test_refused_guess_costs_nothing(clock, code):
    passes(code)
    for _ in range(100):
        code()

    clock.advance(HOUR_S // 10)

    assert passes(code) == 1


def test_registrations_of_a_contact_have_thirty_guesses_an_hour(app, clock):
    guess = partial(budgets.may_guess, app, "bob@example.org")
    hours = []
    for _ in range(4):
        hours.append(passes(guess))
        clock.advance(HOUR_S)

    assert hours == [30, 30, 30, 22]  # 100 a day


# Whose budget.


def test_strange_places_share_the_accounts_budget(alice, payer_of):
    assert payer_of(alice.id, "192.0.2.1") == payer_of(alice.id, "2001:db8::1")


def test_place_that_logged_the_account_in_has_its_own(alice, logged_in, payer_of):
    home, strange = payer_of(alice.id, "192.0.2.1"), payer_of(alice.id, "192.0.2.2")

    assert home != strange
    assert strange == alice.id


def test_place_is_known_for_thirty_days(clock, alice, logged_in, payer_of):
    home = payer_of(alice.id, "192.0.2.1")
    clock.advance(30 * DAY_S - 1)
    last_second = payer_of(alice.id, "192.0.2.1")
    clock.advance(1)

    assert last_second == home
    assert payer_of(alice.id, "192.0.2.1") == alice.id


def test_place_that_others_logged_in_from_is_strange(join, client, alice, payer_of):
    bob = join("bob")
    client.post("/auth/login", email=bob.email, password=bob.password)

    assert payer_of(alice.id, "192.0.2.1") == alice.id


def test_unknown_names_share_few_decoys(payer_of):
    decoys = {payer_of(None, "192.0.2.1", f"name{number}") for number in range(1500)}

    assert 200 < len(decoys) <= budgets.DECOYS
    assert payer_of(None, "192.0.2.1", "x") == payer_of(None, "192.0.2.2", "x")


def test_empty_decoy_refuses_no_registration(client, mailbox, app, clock):
    person = {"username": "bob", "email": "bob@example.org"}
    client.post("/auth/register", password="correct horse battery", **person)
    for number in range(12):
        there = client.at(f"203.0.113.{number}")
        there.post("/auth/login", email="bob@example.org", otp="000000")
        clock.advance(DAY_S // 1000)
    client.post("/auth/otp", email="bob@example.org")

    body = {"email": "bob@example.org", "otp": mailbox.code("bob@example.org")}
    assert client.post("/auth/verify-otp", **body).status == 200
