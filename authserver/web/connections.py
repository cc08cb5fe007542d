"""What the connections of a server share, and which of them go first.

    state      the server waits for
    idle       the first byte of a request
    reading    the rest of it
    answered   nothing: its answer is about to be sent
    paused     the site, which answers in steps
    working    the site: a thread has been lent the connection
    sending    the client, to take what the kernel could not
    lingering  the client, to hear that this is the end (see `handler`)
    shaking    the client, to agree on keys (TLS)
    closed     nothing, ever again

A connection costs a file descriptor, and anybody may open one. So there is a
most, below the process's limit of descriptors, and when it is reached somebody
has to go (`choose_spare`).
"""

import heapq
import math
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from authserver import errors
from authserver.access import Answered
from authserver.web.forwarded import Network, ProxyWarning, Resolver
from authserver.web.messages import Request, Response
from authserver.web.poller import NOTHING, READ, WRITE

if TYPE_CHECKING:  # the first knows this module, the second loads ssl
    from authserver.web.handler import Connection
    from authserver.web.tls import TlsConnection

IDLE, READING, ANSWERED, PAUSED, WORKING, SENDING, LINGERING, SHAKING, CLOSED = range(9)
TAKES_REQUESTS: Final = (IDLE, READING)
# What the driver has to wait for in each of them. One that is answered goes on
# in the next round, whatever its client does; one whose request pauses soon
# does, so that forgetting it until then would be work for nothing, unless its
# client sends more meanwhile (`Loop._ignore`).
WANTED: Final = {
    IDLE: READ,
    READING: READ,
    ANSWERED: READ,
    PAUSED: READ,
    WORKING: NOTHING,
    SENDING: WRITE,
    LINGERING: READ,
    SHAKING: READ,
    CLOSED: NOTHING,
}

LAST_WAIT_S: Final = 0.5  # for threads whose connections are gone


class Limits(NamedTuple):
    """How long a client may take, and how many may come at once."""

    idle_s: float = 15
    head_s: float = 10
    body_s: float = 30
    answer_s: float = 30
    linger_s: float = 2
    begin_s: float = 2  # how long a request may wait for a thread
    last_s: float = 0.5  # for who is silent when the server stops: see `drain`
    finish_s: float = 4  # for who has begun to ask then
    connections: int = 10_000  # 2 to 3 KiB each when idle, 18 with TLS


# How a request is answered: at once; in steps, none of which waits, with time
# between them; or by a thread that may have to wait for a disk or a database.
# Who watches has one of his own, for when all the others do wait.
AT_ONCE, IN_STEPS, WAITING, WATCHING = range(4)
STATE_OF: Final = {
    AT_ONCE: ANSWERED,
    IN_STEPS: PAUSED,
    WAITING: WORKING,
    WATCHING: WORKING,
}
AT_WORK: Final = frozenset(STATE_OF.values())  # it is not the client's turn


class Site(Protocol):
    """What answers requests. None of its methods raises."""

    def manner(self, request: Request) -> int:
        """Tell how the request is answered: `AT_ONCE` and so on."""
        ...

    def answer(
        self,
        request: Request,
        reply: Callable[[Response], None],
        *,
        in_steps: bool = False,
    ) -> None:
        """Call `reply` once, now or later, from this thread or another.

        From this one unless the request is `WAITING` or `WATCHING`: at once, or
        if it is `in_steps` at the end of a round. Otherwise it is waited for.
        """
        ...

    def respond(self, request: Request) -> Response:
        """Answer a request; for callers that wait for it."""
        ...

    def turn_down(self, request: Request, error: errors.AuthError) -> Response:
        """Refuse a request that there is no time for."""
        ...

    def refuse(self, error: errors.AuthError, request_id: str) -> Response:
        """Word the refusal of bytes that never became a request."""
        ...


class Driver(Protocol):
    """What a connection leaves to whoever drives it."""

    def have_answered(
        self, connection: "Connection", request: Request, manner: int
    ) -> None:
        """Have a request answered."""
        ...

    def shake(self, connection: "TlsConnection", begin_until: float) -> None:
        """Have `connection.shake` called, or given up when it is too late."""
        ...


class Shared:
    """What all connections of a server have in common."""

    # Makes a connection out of a client's socket and address.
    connect: "Callable[[socket.socket, str, Shared, Driver], Connection]"
    encrypted = False  # whether it speaks TLS

    def __init__(
        self,
        site: Site,
        limits: Limits,
        trusted_proxies: tuple[Network, ...],
        most_connections: int,
    ) -> None:
        self.site = site
        self.limits = limits
        self.resolver = Resolver(trusted_proxies)
        self.proxy_warning = ProxyWarning(trusted_proxies)
        self.most_connections = most_connections
        self.note: Callable[[Answered], None] = lambda _: None  # of every answer
        # Hooks of the loop. Before answers are sent, and after: what was begun
        # in this round runs, what earlier ones came to is told, and what was
        # read does not count as true any more. At leisure: what can wait.
        self.end_round: Callable[[], None] = lambda: None
        self.at_leisure: Callable[[], None] = lambda: None
        # And with each look at the deadlines, as long as anybody is connected.
        self.sweeping: Callable[[], None] = lambda: None
        # Has the loop come to its hooks soon; from any thread.
        self.wake: Callable[[], None] = lambda: None
        self.draining = False  # once true, each answer is its connection's last
        self.finish_until = math.inf  # then, for who has begun to ask

    def drain(self, now: float) -> None:
        """Have the server come to its end."""
        self.draining = True
        self.finish_until = now + self.limits.finish_s


class Standing(Protocol):
    """What is asked of a connection to choose whom to close."""

    state: int
    since: float


S = TypeVar("S", bound=Standing)


def count_states(connections: Iterable[Standing]) -> dict[str, int]:
    """Return how many are in which state, for who watches the server."""
    states = [connection.state for connection in connections]
    idle, working = states.count(IDLE), sum(states.count(each) for each in AT_WORK)
    return {
        "idle": idle,
        "waiting": len(states) - idle - working,
        "working": working,
    }


def choose_spare(connections: Iterable[S], most: int) -> list[S]:
    """Return who can best be closed to make room, at most so many.

    Those whose turn it has been for longest, be it to ask, to finish asking or
    to take an answer. Who is at it passes through each in milliseconds. If who
    is idle went before all others, attackers who begin requests and do not end
    them would soon have every place, and each newcomer, idle for a moment,
    would be closed for the next one. Who is being answered is never closed.
    """
    others = (each for each in connections if each.state not in AT_WORK)
    return heapq.nsmallest(most, others, key=lambda each: each.since)
