"""Remembering when the database was away.

    failure ... failure ... failure       30 s without one       failure ...
    |<-------- one outage ------->|                              |<- another

Whoever asked in an outage may have got what was asked for and not the answer.
So what is refused otherwise, because it is late, can be allowed for some time
after one (`flows.refresh`). A database that comes and goes is away all the
time: failures that follow each other within `JOINED_S` are one outage. As the
delivery worker asks every second, each process sees each outage that lasts.

Times are seconds on the monotonic clock: an outage is forgotten with its
process. The latest one is enough.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from authserver import errors

JOINED_S = 30.0  # as long as a client that was told to come back may take for it

C = TypeVar("C")


class Outage(NamedTuple):
    """From the first failure to the last, in monotonic seconds."""

    began: float
    ended: float


class Outages:
    """What one database's failures make."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.latest: Outage | None = None

    def note(self) -> None:
        """Count a failure of the server or of the way to it."""
        # No lock: of two that come at once, one is lost, and nothing with it.
        now, latest = self.clock(), self.latest
        joined = latest is not None and now - latest.ended <= JOINED_S
        self.latest = Outage(latest.began if latest and joined else now, now)

    def watch(
        self, connect: Callable[[Callable[[], float]], C]
    ) -> Callable[[Callable[[], float]], C]:
        """Return `connect`, whose failures are noted."""

        def connecting(left: Callable[[], float]) -> C:
            try:
                return connect(left)
            except errors.Unavailable:
                self.note()
                raise

        return connecting
