"""A flow in steps comes to the same, whoever drives it."""

import threading

import pytest

from authserver import errors
from authserver.flows import steps
from authserver.flows.steps import Step
from tests.conftest import PATIENCE_S


def double(tx, number: int) -> int:
    return tx.one("SELECT 2 * ?", (number,))[0]


def fail(tx) -> None:
    raise errors.InvalidToken("inside")


def flow(numbers):
    total = 0
    for number in numbers:
        total += yield Step(double, (number,))
    return total


def careful():
    try:
        yield Step(fail, ())
    except errors.InvalidToken:
        return "caught"


def refused():
    yield Step(fail, ())


def drive_in_rounds(database, begun):
    """Return what a flow comes to, driven by the rounds of this thread."""
    told, woken = [], threading.Event()
    database.end_round(woken.set)
    steps.start(database, begun, lambda *outcome: told.append(outcome))
    while not told:
        database.end_round()
        if not told:
            assert woken.wait(PATIENCE_S)
            woken.clear()
    ((result, error),) = told
    if error is not None:
        raise error
    return result


@pytest.fixture(params=["run", "start"])
def drive(request, app):
    """Each way to drive a flow."""
    if request.param == "run":
        return lambda begun: steps.run(app.database, begun)
    return lambda begun: drive_in_rounds(app.database, begun)


def test_flow_gets_what_each_transaction_came_to(drive):
    assert drive(flow([1, 2, 3])) == 12


def test_flow_without_a_transaction_ends_at_once(drive):
    assert drive(flow([])) == 0


def test_flow_may_handle_what_its_transaction_raised(drive):
    assert drive(careful()) == "caught"


def test_what_a_flow_does_not_handle_is_raised(drive):
    with pytest.raises(errors.InvalidToken, match="inside"):
        drive(refused())


def test_closed_database_is_told_to_the_flow(drive, app):
    app.database.close()

    with pytest.raises(errors.Unavailable):
        drive(flow([1]))
