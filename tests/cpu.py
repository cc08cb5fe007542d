"""How much CPU time something takes by itself.

What is slow is slow each time. One try may be so for reasons of its own: a
collection of garbage falls into it, or a bad moment of the machine.
"""

import time
from collections.abc import Callable

TRIES = 10  # to compare one time with another
ENOUGH_TRIES = 5  # to stay below a bound


def cpu_s(
    work: Callable[[], object], *, clock: Callable[[], float] = time.thread_time
) -> float:
    """Return the least CPU time of several tries."""
    return min(_spent_s(work, clock) for _ in range(TRIES))


def within(
    bound_s: float,
    work: Callable[[], object],
    *,
    clock: Callable[[], float] = time.thread_time,
) -> bool:
    """Tell whether one of several tries takes less CPU time than `bound_s`."""
    return any(_spent_s(work, clock) < bound_s for _ in range(ENOUGH_TRIES))


def _spent_s(work: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    work()
    return clock() - started
