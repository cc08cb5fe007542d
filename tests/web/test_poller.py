"""A poller lets everybody have a turn, however many are always ready."""

import selectors
import socket
from collections.abc import Iterator

import pytest

from authserver.web.poller import MOST_EVENTS, READ, WRITE, Epoll, Poller, Selected

MANY = 5 * MOST_EVENTS


@pytest.fixture(
    params=[Epoll, lambda: Selected(selectors.PollSelector())],
    ids=["epoll", "selector"],
)
def poller(request) -> Iterator[Poller]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Sockets, all of which can be read and written."""
    pairs = [socket.socketpair() for _ in range(MANY)]
    for _, other in pairs:
        other.send(b"!")
    yield [one for one, _ in pairs]
    for pair in pairs:
        for each in pair:
            each.close()


def test_those_who_are_always_ready_starve_nobody(poller, sockets):
    for each in sockets:
        poller.watch(each.fileno(), READ)

    told = [fd for _ in range(MANY // MOST_EVENTS) for fd, _ in poller.wait(1)]

    assert sorted(told) == sorted(each.fileno() for each in sockets)


def test_nobody_is_told_of_what_is_not_waited_for_any_more(poller, sockets):
    for each in sockets:
        poller.watch(each.fileno(), READ)
    first = {fd for fd, _ in poller.wait(1)}
    others = [each.fileno() for each in sockets if each.fileno() not in first]

    for fd in first:
        poller.forget(fd)
    poller.forget(others[0])
    poller.change(others[1], WRITE)

    told = dict(pair for _ in range(MANY // MOST_EVENTS) for pair in poller.wait(1))
    assert sorted(told) == sorted(others[1:])
    assert told[others[1]] in (WRITE, selectors.EVENT_WRITE)
