"""A flow in steps comes to the same, whoever drives it."""

from collections import deque

import pytest

from authserver import errors
from authserver.flows import steps
from authserver.flows.steps import Step


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


class Loop:
    """Calls what it is given later, in this thread."""

    def __init__(self, database) -> None:
        self.database = database
        self.calls = deque()
        self.told = []

    def drive(self, begun):
        done = lambda result, error: self.told.append((result, error))  # noqa: E731
        steps.start(self.database, begun, self.calls.append, done)
        while not self.told:
            self.database.end_round()
            while self.calls:
                self.calls.popleft()()
        ((result, error),) = self.told
        if error is not None:
            raise error
        return result


@pytest.fixture(params=["run", "start"])
def drive(request, app):
    """Each way to drive a flow."""
    if request.param == "run":
        return lambda begun: steps.run(app.database, begun)
    return lambda begun: Loop(app.database).drive(begun)


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
