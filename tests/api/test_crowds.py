"""Many at one moment: nobody gets a 500, and every promise about "one" holds.

What SQLite's single writer lines up by itself, a server must: first tries that
all find no row, two who prove one name, a crowd that shares one limit.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from authserver.flows import register
from tests.conftest import PASSWORD

CROWD = 8
FROM_ONE_ADDRESS = 4  # passwords that are hashed for it at a time
wide = pytest.mark.parametrize(
    "app",
    [{"address_requests_per_minute": 1000, "otp_requests_per_minute": 60}],
    indirect=True,
)


def statuses(call, count=CROWD, *, at_once=CROWD):
    """Return how often each status came, of `count` calls."""
    with ThreadPoolExecutor(at_once) as threads:
        answers = list(threads.map(call, range(count)))
    return Counter(answer.status for answer in answers)


def rows(sql, table):
    return sql(f"SELECT COUNT(*) FROM {table}")[0][0]


@wide
def test_registrations_from_one_address_end_at_their_limit(client, sql):
    def sign_up(number):
        email = f"someone{number}@example.org"
        return client.post(
            "/register", username=f"someone{number}", email=email, password=PASSWORD
        )

    limit = register.MAX_PER_ADDRESS
    counted = statuses(sign_up, limit + 5, at_once=FROM_ONE_ADDRESS)

    assert counted == {201: limit, 429: 5}
    assert rows(sql, "registrations") == limit


@wide
def test_registrations_of_one_contact_stay_five(client, sql):
    def sign_up(number):
        return client.at(f"198.51.{number}.1").post(
            "/register",
            username=f"someone{number}",
            email="alice@example.org",
            password=PASSWORD,
        )

    assert statuses(sign_up, 12) == {201: 12}
    assert rows(sql, "registrations") == register.MAX_PER_CONTACT


def test_first_wrong_passwords_are_all_counted(client, alice, sql):
    def guess(number):
        at = client.at(f"198.51.{number}.1")
        return at.post("/login", email=alice.email, password="guess")

    assert statuses(guess) == {401: CROWD}
    budget = "SELECT tokens FROM limits WHERE name LIKE 'password %'"
    assert sql(budget) == [(10 - CROWD,)]


def test_first_wrong_codes_are_all_counted(client, alice, sql):
    def guess(number):
        at = client.at(f"198.51.{number}.1")
        return at.post("/login", email=alice.email, otp="abcdef")

    assert statuses(guess) == {401: CROWD}
    budget = "SELECT tokens FROM limits WHERE name LIKE 'code %' ORDER BY name"
    charged = [tokens for (tokens,) in sql(budget)]
    assert {10 - CROWD, 30 - CROWD} <= set(charged)


@wide
def test_codes_asked_for_at_once_are_one_code(client, alice, sql, mailbox):
    def ask(number):
        at = client.at(f"198.51.{number}.1")
        return at.post("/auth/otp", email=alice.email, purpose="login")

    assert statuses(ask) == {200: CROWD}
    assert sql("SELECT COUNT(*) FROM one_time_codes WHERE purpose='login'") == [(1,)]
    texts = {each.text for each in mailbox.fetch()}
    assert len(texts) == 1


def test_one_of_many_who_bring_the_code_makes_the_user(client, mailbox, sql):
    email = "bob@example.org"
    client.post("/register", username="bob", email=email, password=PASSWORD)
    code = mailbox.code(email)

    counted = statuses(lambda _: client.post("/otp", email=email, otp=code))

    assert counted[200] == 1
    assert set(counted) == {200, 401}
    assert rows(sql, "users") == 1


def test_one_of_two_who_prove_at_once_has_the_name(client, mailbox, sql):
    emails = [f"{number}@example.org" for number in range(CROWD)]
    for email in emails:
        client.post("/register", username="bob", email=email, password=PASSWORD)
    codes = [mailbox.code(email) for email in emails]

    def prove(number):
        return client.post("/otp", email=emails[number], otp=codes[number])

    assert statuses(prove) == {200: 1, 409: CROWD - 1}
    assert rows(sql, "users") == 1


@pytest.mark.parametrize("app", [{"require_verification": False}], indirect=True)
def test_one_of_many_in_a_closed_group_has_name_and_address(client, sql):
    def sign_up(number):
        form = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}
        return client.at(f"198.51.{number}.1").post("/register", **form)

    assert statuses(sign_up) == {201: 1, 409: CROWD - 1}
    assert rows(sql, "users") == 1


def test_first_logins_from_one_place_all_succeed(client, alice, sql):
    def log_in(_):
        return client.post("/login", email=alice.email, password=alice.password)

    counted = statuses(log_in, at_once=FROM_ONE_ADDRESS)

    assert counted == {200: CROWD}
    assert (rows(sql, "sessions"), rows(sql, "known_addresses")) == (CROWD, 1)


def test_refreshes_at_once_have_one_successor(client, logged_in, sql):
    token = logged_in.payload["refresh_token"]

    def refresh(_):
        return client.post("/auth/refresh", refresh_token=token)

    assert statuses(refresh) == {200: CROWD}
    assert rows(sql, "refresh_tokens") == 2
