"""A circuit breaker: leave a service alone that does not answer.

    closed --5 failures in a row--> open --30 s--> one attempt
      ^                              ^               |
      +------------- success --------|---------------+
                                     +--- failure ---+

Each attempt at a server that hangs costs a thread for 20 s and tells us what we
know. While the breaker is open, messages wait and no attempts are counted; the
one attempt every 30 s finds out when the service is back.

Times are seconds of the monotonic clock, handed in.
"""

import threading

MAX_FAILURES = 5
PAUSE_S = 30.0


class Breaker:
    """What the last attempts taught us. Safe to use from several threads."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause_until = 0.0
        self._changing = threading.Lock()

    def ready(self, now: float) -> bool:
        """Tell whether an attempt may be made."""
        return self._failures < MAX_FAILURES or now >= self._pause_until

    def attempted(self, now: float) -> None:
        """Note that an attempt begins; while open, it is the only one."""
        with self._changing:
            if self._failures >= MAX_FAILURES:
                self._pause_until = now + PAUSE_S

    def succeeded(self) -> None:
        """Note that the service answered, whatever it said."""
        with self._changing:
            self._failures = 0

    def failed(self, now: float) -> None:
        """Note that the service did not answer."""
        with self._changing:
            self._failures += 1
            self._pause_until = now + PAUSE_S
