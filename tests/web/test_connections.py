"""Who stays and who goes when more connect than there is room for."""

from typing import NamedTuple

from authserver.web.connections import (
    ANSWERED,
    IDLE,
    LINGERING,
    READING,
    SENDING,
    WORKING,
    choose_spare,
    count_states,
)


class Standing(NamedTuple):
    """A connection, as far as choosing looks at it."""

    state: int
    since: float


def test_longest_idle_goes_first():
    crowd = [Standing(IDLE, 3), Standing(IDLE, 1), Standing(IDLE, 2)]

    assert choose_spare(crowd, 2) == [crowd[1], crowd[2]]


def test_newcomer_stays_and_slower_clients_go():
    crowd = [Standing(IDLE, 3), Standing(READING, 2), Standing(IDLE, 1)]

    assert choose_spare(crowd, 2) == [crowd[2], crowd[1]]


def test_slowest_client_goes_whatever_it_is_slow_at():
    crowd = [Standing(SENDING, 3), Standing(READING, 1), Standing(LINGERING, 2)]

    assert choose_spare(crowd, 1) == [crowd[1]]


def test_who_is_being_answered_never_goes():
    crowd = [Standing(WORKING, 1), Standing(ANSWERED, 1)]

    assert choose_spare(crowd, 1) == []


def test_counts_tell_who_is_idle_waited_for_and_worked_for():
    states = (IDLE, READING, SENDING, LINGERING, WORKING, ANSWERED, IDLE)

    counts = count_states(Standing(state, 0) for state in states)

    assert counts == {"idle": 2, "waiting": 3, "working": 2}
