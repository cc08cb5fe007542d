"""Twilio hangs: nobody who registers waits for it (THREATS row R16)."""

import json
import time

import pytest

from authserver import runtime
from authserver.delivery.breaker import MAX_FAILURES
from authserver.delivery.worker import MAX_SENDING
from tests.conftest import PASSWORD, Wire
from tests.processes import wait_until
from tests.twilio_stub import Hang, TwilioStub

HANG_S = 10  # what a message may take


@pytest.fixture
def twilio():
    with TwilioStub() as stub:
        yield stub


@pytest.fixture
def served(make_settings, twilio):
    """A server with real clocks and threads that sends to the stub."""
    app = runtime.create_app(make_settings(**twilio.settings))
    running = runtime.serve(app)
    yield Wire(int(running.url.rpartition(":")[2]))
    twilio.release()
    running.stop()


def register(served, number):
    form = {
        "username": f"user{number}",
        "password": PASSWORD,
        "phone": f"+4420794600{number:02d}",
    }
    return served.request(
        "POST",
        "/auth/register",
        "Content-Type: application/json",
        f"X-Forwarded-For: 203.0.113.{number}",
        body=json.dumps(form).encode(),
    ).status


@pytest.mark.parametrize("reading", [False, True])
def test_registration_does_not_wait_for_twilio(served, twilio, reading):
    twilio.behaviour = Hang(reading=reading)
    register(served, 0)
    wait_until(lambda: twilio.requests, "a request that hangs")
    started_at = time.monotonic()

    answers = [register(served, number) for number in range(1, 13)]

    assert answers == [201] * 12
    assert time.monotonic() - started_at < HANG_S
    assert twilio.requests <= MAX_FAILURES + MAX_SENDING
