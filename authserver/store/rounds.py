"""A thread that works in rounds, and what is brought to it from elsewhere.

    its own work:      begin ... begin   end of the round   send all answers
                                             |    ^
    the writer:                              run  told what earlier ones came to
                                             |    |
                                             commit

What such a thread begins is run, all of a round together, and committed by
another thread. What came of it is brought back and told by the thread itself,
at the end of a later round: it never has to share what it is working on.
"""

from collections import deque
from collections.abc import Callable


class Rounds:
    """The rounds of one thread; `wake` has it come to the end of the next."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._brought: deque[Callable[[], None]] = deque()
        self.at_rest = False  # its thread has ended a round, and begun nothing since

    def bring(self, tell: Callable[[], None]) -> None:
        """Have the thread call `tell`; from any thread."""
        self._brought.append(tell)
        self._wake()

    def tell(self) -> None:
        """Call what has been brought; for the thread itself."""
        for _ in range(len(self._brought)):
            self._brought.popleft()()


def tell_at_once(
    transaction: Callable[..., object],
    function: Callable[..., object],
    args: tuple[object, ...],
    done: Callable[[object, BaseException | None], None],
) -> None:
    """Wait for a transaction and tell what it came to, where no rounds are."""
    try:
        result = transaction(function, *args)
    except Exception as error:  # noqa: BLE001 - it is told
        done(None, error)
    else:
        done(result, None)
