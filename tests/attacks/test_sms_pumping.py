"""Text messages to blocks of numbers that nobody will ever type a code for.

Fraudsters share in what a far network earns on each message: "SMS pumping",
also "toll fraud". They ask from as many addresses as it takes, for numbers that
lie side by side, so neither the caller nor the contact is ever seen twice
(THREATS row B17). Here a thousand registrations arrive through the API, each
from an address of its own; what counts is how many messages leave.
"""

import itertools
from functools import partial

import pytest

from authserver import runtime
from authserver.delivery import sms_budget
from authserver.delivery.worker import Worker
from authserver.store import outbox, users
from authserver.store.users import User
from authserver.web.dispatch import Site
from tests import databases

HOUR_S, DAY_S = 3600, 86400
PASSWORD = "correct horse battery"


@pytest.fixture(params=databases.ENGINES)
def engine(request):
    return request.param


class Network:
    """Everybody's telephones: runs the worker and keeps what was sent."""

    def __init__(self, app):
        self.numbers = []
        self._app = app
        self._worker = Worker(app, {"sms": self})

    def send(self, letter):
        self.numbers.append(letter.recipient)

    def drain(self):
        """Deliver all that is due; return to how many numbers it went."""
        before = len(self.numbers)
        while self._app.database.read(outbox.count_by_status, "queued"):
            self._worker.send_due()
            self._worker.settle(wait_s=5)
        return len(self.numbers) - before


@pytest.fixture
def pump(app, client):
    """Return what registers numbers, each from an address of its own."""
    count = itertools.count()

    def pump(numbers, client=client):
        statuses = set()
        for phone in numbers:
            n = next(count)
            place = client.at(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
            form = {"username": f"user{n}", "password": PASSWORD, "phone": phone}
            statuses.add(place.post("/auth/register", **form).status)
        return statuses

    return pump


@pytest.fixture
def network(app):
    return Network(app)


def block(prefix, count):
    """Return adjacent numbers that begin alike."""
    return [f"+{prefix}{number:06d}" for number in range(count)]


def test_block_of_a_thousand_numbers_gets_fifty_messages(app, pump, network, caplog):
    answers = pump(block("44794", 1000))
    sent = network.drain()

    assert answers == {201}  # whoever pumps is told nothing
    assert sent == 50
    assert app.metrics.value("sms_refused", "prefix") == 950
    assert caplog.text.count("numbers that begin alike: +44794, hour") == 1


def test_each_hour_brings_fifty_more(pump, network, clock):
    pump(block("44794", 60))
    first = network.drain()
    clock.advance(HOUR_S)
    pump(block("44794", 60))

    assert (first, network.drain()) == (50, 50)


def everywhere(count):
    """Return numbers of which no two begin alike."""
    return [f"+{44000 + number}123456" for number in range(count)]


@pytest.fixture
def proven(app):
    """Twenty-five people whose numbers were proven long ago."""
    people = [
        User(
            id=f"proven{number}",
            username=f"proven{number}",
            email=None,
            email_verified_at=None,
            phone=f"+4479460018{number:02d}",
            phone_verified_at=1,
            password_hash="!",
            password_version=1,
            roles="",
            created_at=1,
        )
        for number in range(25)
    ]
    for person in people:
        app.database.transaction(users.insert, person)
    return [person.phone for person in people]


def ask_for_codes(client, numbers):
    for n, phone in enumerate(numbers):
        place = client.at(f"203.0.113.{n}")
        assert place.post("/auth/otp", phone=phone, purpose="login").status == 200


@pytest.mark.parametrize("app", [{"sms_daily_limit": 40}], indirect=True)
def test_half_of_a_days_messages_is_kept_for_people_who_proved_their_number(
    pump, network, client, proven
):
    pump(everywhere(30))
    strangers = network.drain()
    ask_for_codes(client, proven)

    assert strangers == 20
    assert network.drain() == 20
    assert set(network.numbers[20:]) <= set(proven)


@pytest.mark.parametrize("app", [{"sms_daily_limit": 40}], indirect=True)
def test_people_who_proved_their_number_may_use_the_whole_day_up(
    pump, network, client, proven
):
    ask_for_codes(client, proven)
    people = network.drain()
    pump(everywhere(30))

    assert (people, network.drain()) == (25, 15)


@pytest.mark.parametrize("app", [{"sms_daily_limit": 40}], indirect=True)
def test_restart_brings_no_new_messages(
    app, make_app, pump, network, client, proven, clock
):
    pump(everywhere(25) + block("44999", 5))
    before = network.drain()
    runtime.close(app)
    restarted = make_app(sms_daily_limit=40)
    client, network = client._replace(site=Site(restarted)), Network(restarted)

    pump([number.replace("123456", "654321") for number in everywhere(5)], client)
    strangers = network.drain()
    ask_for_codes(client, proven)
    people = network.drain()
    clock.advance(DAY_S)
    pump(everywhere(30), client)

    assert (before, strangers, people, network.drain()) == (20, 0, 20, 20)


def test_prefix_is_counted_across_a_restart(app, make_app, pump, network, client):
    pump(block("44794", 40))
    before = network.drain()
    runtime.close(app)
    restarted = make_app()

    pump(block("447949", 40), client._replace(site=Site(restarted)))

    assert (before, Network(restarted).drain()) == (40, 10)


@pytest.mark.parametrize("app", [{"sms_countries": "44,91"}], indirect=True)
def test_number_of_another_country_gets_no_message(app, pump, network, client):
    # It stands there from before the setting, or the form would be refused.
    number = "+8811234567"
    user = User("u1", "alice", None, None, number, 1, "!", 1, "", 1)
    app.database.transaction(users.insert, user)

    known = client.post("/auth/otp", phone=number, purpose="login")
    unknown = client.post("/auth/otp", phone="+8817654321", purpose="login")

    assert known.public() == unknown.public()
    assert network.drain() == 0
    assert app.metrics.value("sms_refused", "country") == 1


@pytest.mark.parametrize("app", [{"sms_daily_limit": 40}], indirect=True)
def test_messages_that_pay_at_one_moment_pay_one_after_the_other(app, at_once):
    # As the workers of several processes do that share a database.
    def pay(number):
        return app.database.transaction(
            sms_budget.charge, number, settings=app.settings, now=app.now()
        )

    refusals = at_once([partial(pay, number) for number in everywhere(60)])

    assert refusals.count(None) == 20
