"""Who stays and who goes when more connect than there is room for."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from authserver.web.connections import Connections

PATIENCE_S = 10
IDLER = threading.Thread(target=lambda: None)  # connections only keep it


class Pair:
    """Our end of a connection, and the client's, which sees it closed."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)

    def is_shut(self) -> bool:
        try:
            return self.theirs.recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [Pair() for _ in range(4)]
    yield made
    for pair in made:
        pair.ours.close()
        pair.theirs.close()


def test_new_connection_is_turned_away_when_all_are_at_work(pairs):
    connections = Connections(1)
    connections.admit(pairs[0].ours, IDLER)
    connections.working(pairs[0].ours)

    assert not connections.admit(pairs[1].ours, IDLER)
    assert not pairs[0].is_shut()


def test_longest_idle_makes_room(pairs):
    connections = Connections(4)
    for pair in pairs[:3]:
        connections.admit(pair.ours, IDLER)
    connections.working(pairs[0].ours)
    connections.idle(pairs[0].ours)

    connections.make_room()

    assert [pair.is_shut() for pair in pairs] == [False, True, False, False]


def test_idle_goes_before_one_that_waited_longer_for_its_client(pairs):
    connections = Connections(4)
    for pair in pairs[:2]:
        connections.admit(pair.ours, IDLER)
    connections.waiting(pairs[0].ours)

    connections.make_room()

    assert [pair.is_shut() for pair in pairs] == [False, True, False, False]


def test_slowest_client_makes_room_when_nobody_is_idle(pairs):
    connections = Connections(4)
    for pair in pairs[:2]:
        connections.admit(pair.ours, IDLER)
        connections.waiting(pair.ours)
    connections.waiting(pairs[0].ours)  # another byte does not start it anew

    connections.make_room()

    assert [pair.is_shut() for pair in pairs] == [True, False, False, False]


def test_each_room_made_costs_another_connection(pairs):
    connections = Connections(4)
    for pair in pairs[:2]:
        connections.admit(pair.ours, IDLER)
        connections.waiting(pair.ours)

    connections.make_room()
    connections.make_room()

    assert [pair.is_shut() for pair in pairs] == [True, True, False, False]


def test_closed_one_learns_that_it_must_go(pairs):
    connections = Connections(1)
    connections.admit(pairs[0].ours, IDLER)

    connections.make_room()

    assert pairs[0].is_shut()
    assert not connections.idle(pairs[0].ours)
    assert not connections.waiting(pairs[0].ours)
    assert not connections.working(pairs[0].ours)


def test_newcomer_waits_for_the_place_to_be_given_back(pairs):
    connections = Connections(1, room_wait_s=PATIENCE_S)
    connections.admit(pairs[0].ours, IDLER)

    def leave() -> None:
        pairs[0].theirs.setblocking(True)
        pairs[0].theirs.recv(1)
        connections.closed(pairs[0].ours)

    thread = threading.Thread(target=leave)
    thread.start()
    started = time.monotonic()
    admitted = connections.admit(pairs[1].ours, IDLER)
    thread.join()

    assert admitted
    assert time.monotonic() - started < PATIENCE_S / 2


def test_newcomer_is_turned_away_when_the_place_stays_taken(pairs):
    connections = Connections(1, room_wait_s=0)
    connections.admit(pairs[0].ours, IDLER)

    assert not connections.admit(pairs[1].ours, IDLER)


def test_draining_closes_the_idle_and_spares_the_rest(pairs):
    connections = Connections(4)
    for pair in pairs[:3]:
        connections.admit(pair.ours, IDLER)
    connections.working(pairs[1].ours)
    connections.waiting(pairs[2].ours)

    assert connections.drain() == [IDLER] * 3
    assert [pair.is_shut() for pair in pairs] == [True, False, False, False]
    assert connections.working(pairs[2].ours)
    assert not connections.idle(pairs[1].ours)
    assert not connections.admit(pairs[3].ours, IDLER)


def test_connection_is_in_one_state_at_a_time(pairs):
    connections = Connections(4)
    connections.admit(pairs[0].ours, IDLER)

    connections.waiting(pairs[0].ours)
    assert connections.counts() == {"idle": 0, "waiting": 1, "working": 0}
    connections.working(pairs[0].ours)
    assert connections.counts() == {"idle": 0, "waiting": 0, "working": 1}
    connections.waiting(pairs[0].ours)
    connections.idle(pairs[0].ours)
    assert connections.counts() == {"idle": 1, "waiting": 0, "working": 0}


@pytest.mark.parametrize("state", ["idle", "waiting", "working"])
def test_closed_connection_is_forgotten(pairs, state):
    connections = Connections(4)
    connections.admit(pairs[0].ours, IDLER)
    getattr(connections, state)(pairs[0].ours)

    connections.closed(pairs[0].ours)

    assert connections.counts() == {"idle": 0, "waiting": 0, "working": 0}


def test_socket_closed_for_room_is_not_held_against_a_later_one(pairs):
    # The same object stands for another connection here, as an address may.
    connections = Connections(1, room_wait_s=0)
    connections.admit(pairs[0].ours, IDLER)
    connections.make_room()
    connections.closed(pairs[0].ours)

    connections.admit(pairs[0].ours, IDLER)

    assert connections.working(pairs[0].ours)


def test_states_are_counted(pairs):
    connections = Connections(4)
    for pair in pairs:
        connections.admit(pair.ours, IDLER)
    connections.working(pairs[1].ours)
    connections.waiting(pairs[2].ours)
    connections.closed(pairs[3].ours)

    assert connections.counts() == {"idle": 1, "waiting": 1, "working": 1}


def test_closing_all_spares_nobody(pairs):
    connections = Connections(4)
    for pair in pairs:
        connections.admit(pair.ours, IDLER)
    connections.working(pairs[1].ours)
    connections.waiting(pairs[2].ours)

    connections.close_all()

    assert all(pair.is_shut() for pair in pairs)


def test_client_that_went_first_is_no_obstacle(pairs):
    connections = Connections(1)
    connections.admit(pairs[0].ours, IDLER)
    pairs[0].ours.close()

    connections.make_room()
    connections.closed(pairs[0].ours)

    assert connections.admit(pairs[1].ours, IDLER)


def test_nothing_to_spare_is_no_obstacle():
    Connections(1).make_room()
