"""Which connections can be read or written: asking the operating system.

A thread per connection asks by waiting in `recv`, and so costs a thread for
each client who says nothing. A poller waits for all of them at once:

    poller.watch(fd, READ)        tell the kernel what we are waiting for
    poller.wait(0.5)              [(fd, ...)]: who has something for us

It is level-triggered: as long as something can be read, it says so each time,
and nothing is lost if we look at it later.

Linux has epoll, which costs the same for ten connections as for ten thousand.
BSD and macOS have kqueue, taken as Python's `selectors` wraps it. Systems that
offer only `select`, with its few hundred places, get no poller at all: there
each connection has a thread (`threads`).
"""

import select
import selectors
from collections import deque
from typing import Final, Protocol

NOTHING: Final = 0
READ: Final = 1  # the values of EPOLLIN and EVENT_READ
WRITE: Final = 4  # the value of EPOLLOUT
MOST_EVENTS: Final = 16  # taken at once, so that one round stays short


class Poller(Protocol):
    """Waits for many file descriptors at once."""

    def watch(self, fd: int, wanted: int) -> None:
        """Begin to wait for `wanted` of a descriptor not watched so far."""
        ...

    def change(self, fd: int, wanted: int) -> None:
        """Wait for something else of a descriptor that is watched."""
        ...

    def forget(self, fd: int) -> None:
        """Wait for nothing of it; to be called before it is closed."""
        ...

    def wait(self, timeout_s: float | None) -> list[tuple[int, int]]:
        """Return the descriptors that are ready, each the first of a pair.

        None waits for ever. What the system says they are ready for is not to
        be relied on: a broken connection may be so for anything.
        """
        ...

    def close(self) -> None:
        """Let go of the descriptor of the poller itself."""
        ...


class Epoll:
    """The poller of Linux."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.watch = self._epoll.register
        self.change = self._epoll.modify
        self.forget = self._epoll.unregister
        self.close = self._epoll.close

    def wait(self, timeout_s: float | None) -> list[tuple[int, int]]:
        """See `Poller`."""
        return self._epoll.poll(timeout_s, MOST_EVENTS)


class Selected:
    """Any selector of the standard library as a poller."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._ready: deque[tuple[selectors.SelectorKey, int]] = deque()
        self.close = selector.close

    def watch(self, fd: int, wanted: int) -> None:
        """See `Poller`."""
        self._selector.register(fd, to_selectors(wanted))

    def change(self, fd: int, wanted: int) -> None:
        """See `Poller`."""
        self._selector.modify(fd, to_selectors(wanted))

    def forget(self, fd: int) -> None:
        """See `Poller`."""
        self._selector.unregister(fd)

    def wait(self, timeout_s: float | None) -> list[tuple[int, int]]:
        """See `Poller`."""
        # It tells of all at once, and next time of the same ones first. So the
        # others keep their turn, unless nobody waits for it any more by then.
        if not self._ready:
            self._ready.extend(self._selector.select(timeout_s))
        taken: list[tuple[int, int]] = []
        watched = self._selector.get_map()
        while self._ready and len(taken) < MOST_EVENTS:
            key, mask = self._ready.popleft()
            if key.fd in watched and watched[key.fd].events & mask:
                taken.append((key.fd, mask))
        return taken


def best() -> Poller | None:
    """Return the poller of this system, None where it has none that is fit."""
    if hasattr(select, "epoll"):
        return Epoll()
    if hasattr(selectors, "KqueueSelector"):
        return Selected(selectors.KqueueSelector())
    return None


def to_selectors(wanted: int) -> int:
    """Return the event of `selectors` for one of ours."""
    return selectors.EVENT_READ if wanted == READ else selectors.EVENT_WRITE
