"""Text messages: Twilio is asked who we are, and sends nothing."""

import socket

import pytest

from tests.twilio_stub import Refuse, TwilioStub


@pytest.fixture
def twilio():
    with TwilioStub() as twilio:
        yield twilio


def test_account_is_asked_for_and_nothing_sent(doctor, twilio):
    report = doctor(**twilio.environment)

    assert report.of("text messages") == [
        ("ok", f"Twilio account {twilio.sid}, active")
    ]
    assert (twilio.requests, twilio.texts) == (1, [])


def test_wrong_token_is_told_and_not_shown(doctor, twilio):
    report = doctor(**(twilio.environment | {"TWILIO_TOKEN": "hush-hush"}))

    ((state, words),) = report.of("text messages")
    assert state == "FAIL"
    assert "HTTP 401, error 20003" in words
    assert "Correct TWILIO_SID and TWILIO_TOKEN" in words
    assert "hush" not in report.text


def test_suspended_account_is_a_warning(doctor, twilio):
    twilio.status = "suspended"

    ((state, words),) = doctor(**twilio.environment).of("text messages")

    assert state == "warn"
    assert "the Twilio account is suspended. See Twilio's console" in words


def test_disturbance_at_twilio_is_told(doctor, twilio):
    twilio.behaviour = Refuse(503, 20503)

    ((state, words),) = doctor(**twilio.environment).of("text messages")

    assert state == "FAIL"
    assert "Try again later" in words


def test_twilio_that_cannot_be_reached_is_told(doctor, twilio):
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    elsewhere = {"TWILIO_BASE_URL": f"http://127.0.0.1:{port}"}

    ((state, words),) = doctor(**(twilio.environment | elsewhere)).of("text messages")

    assert state == "FAIL"
    assert "Check TWILIO_BASE_URL" in words
