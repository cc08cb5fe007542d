"""Near twins: addresses and names that a database may take for one another.

To MySQL's usual collations "admin ", "ADMIN" and "\u00e1dmin" are "admin", and
even two different emoji are equal; without strict mode a name that is too long
is cut until it is somebody else's (THREATS rows B4, B5, D7). Whatever the
engine, each twin here is refused, or the same person, or an account of its own
that no other twin's password opens.
"""

import pytest

from tests import databases

pytestmark = databases.ON_EVERY_ENGINE

ADMIN = "admin@example.org"
SAME = ("ADMIN@example.org", " admin@example.org", "admin@EXAMPLE.org \t")
OTHERS = (
    "admim@example.org",
    "a.dmin@example.org",
    "ad-min@example.org",
    "ad_min@example.org",
    "adm1n@example.org",
    "admin0@example.org",
    "admin+a@example.org",
    "admin+b@example.org",
    "admin_@example.org",
    "admin'@example.org",
    "admin`@example.org",
    "admin#@example.org",
    "admin$@example.org",
    "{admin}@example.org",
    "admin@example.com",
    "admin@xn--exmple-cua.org",
    "admin@sub.example.org",
    "admin@example.org.example.com",
    "admin@ex-ample.org",
    "nimda@example.org",
)
REFUSED = (
    "\u00e1dmin@example.org",
    "admin@ex\u00e4mple.org",
    "\uff41dmin@example.org",
    "\u0430dmin@example.org",
    "\U0001f600@example.org",
    "\U0001f601@example.org",
    "stra\u00dfe@example.org",
    "admin\u200b@example.org",
    "admin\u00a0@example.org",
    "admin\x00@example.org",
    "admin@example.org\x00",
    "admin@example.org\r\n",
    "admin@example.org.",
    "admin @example.org",
    "admin%@example.org",
    f"admin@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.org" + "x" * 50,
)


def password(number):
    return f"correct horse battery {number:02d}"


@pytest.fixture
def twins(client, mailbox):
    """An account for each address that is one, with a password of its own."""
    addresses = (ADMIN, *OTHERS)
    for number, email in enumerate(addresses):
        at_home = client.at(f"198.51.100.{number + 1}")
        form = {"username": f"twin{number:02d}", "email": email}
        answer = at_home.post("/auth/register", password=password(number), **form)
        assert answer.status == 201, (email, answer)
        otp = mailbox.code(email)
        assert at_home.post("/auth/verify-otp", email=email, otp=otp).status == 200
    return addresses


def log_in(client, email, number):
    at_home = client.at(f"203.0.113.{number + 1}")
    answer = at_home.post("/auth/login", email=email, password=password(number))
    return answer.status, answer.payload.get("user", {}).get("email")


def test_each_password_opens_the_account_it_was_chosen_for(client, twins):
    opened = [log_in(client, email, number) for number, email in enumerate(twins)]

    assert opened == [(200, email) for email in twins]


def test_no_password_opens_the_account_of_a_twin(client, twins):
    neighbours = [
        log_in(client, email, (number + 1) % len(twins))
        for number, email in enumerate(twins)
    ]

    assert neighbours == [(401, None)] * len(twins)


def test_a_reset_goes_to_the_very_address_that_asked(client, mailbox, twins):
    mailbox.fetch()

    for number, email in enumerate(twins):
        client.at(f"192.0.2.{number + 1}").post("/password/forgot", email=email)

    assert sorted(each.recipient for each in mailbox.fetch()) == sorted(twins)


@pytest.mark.parametrize("email", SAME)
def test_blanks_and_capitals_name_the_same_person(client, twins, email):
    assert log_in(client, email, 0) == (200, ADMIN)


@pytest.mark.parametrize("email", REFUSED)
def test_what_is_no_address_is_refused_everywhere(client, twins, email):
    form = {"username": "mallory", "password": password(99)}

    assert client.post("/auth/register", email=email, **form).status == 422
    assert client.post("/password/forgot", email=email).status == 422
    assert log_in(client, email, 0) == (422, None)


@pytest.mark.parametrize(
    "name", ["twin00 ", "TWIN00", "twin00\x00", "tw\u00edn00", "twin00\u200b"]
)
def test_a_user_name_has_no_twins_either(client, twins, name):
    form = {"email": "mallory@example.org", "password": password(99)}

    answer = client.post("/auth/register", username=name, **form)

    assert answer.status in (409, 422)
