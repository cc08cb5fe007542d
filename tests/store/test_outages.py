"""What is remembered of a database that was away."""

import pytest

from authserver import errors
from authserver.store.outages import Outage, Outages


def fail(left):
    raise errors.Unavailable("nobody answers")


@pytest.fixture
def outages(clock) -> Outages:
    return Outages(clock.monotonic)


def test_nothing_is_remembered_without_a_failure(outages):
    connect = outages.watch(lambda left: "a connection")

    assert connect(lambda: 2.0) == "a connection"
    assert outages.latest is None


def test_outage_lasts_from_the_first_failure_to_the_last(outages, clock):
    for _ in range(3):
        outages.note()
        clock.advance(30)

    assert outages.latest == Outage(1000, 1060)


def test_failure_long_after_the_last_begins_another_outage(outages, clock):
    outages.note()
    clock.advance(31)
    outages.note()

    assert outages.latest == Outage(1031, 1031)


def test_connection_that_cannot_be_made_is_a_failure(outages):
    with pytest.raises(errors.Unavailable):
        outages.watch(fail)(lambda: 2.0)

    assert outages.latest == Outage(1000, 1000)
