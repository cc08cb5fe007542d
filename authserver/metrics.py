"""Figures of what happened since the start, for whoever watches the server.

A counter is a name with a few label words, for example `refused` with the code
of the refusal. Adding one is a dictionary update under a lock: about a
microsecond, and never a reason for a request to wait.

Durations are kept as a histogram: how many took no longer than each of some
bounds. That is little, can be added up over processes, and from it any quantile
can be estimated later.

What somebody else keeps anyway, such as the connections that are open, is not
counted a second time but read when it is asked for (`watch`).

All figures are declared below, with the names that others see. Labels have few
values, each chosen by us: whoever could make up new ones could fill the memory
of the server, and that of what watches it.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

# A session check takes 0.00002 s, a commit 0.001 to 0.01, a hash 0.05 to 1.
BOUNDS_S: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
Values = Mapping[tuple[str, ...], float]  # by the values of the labels


class Declared(NamedTuple):
    """What a figure is called elsewhere, and what it says."""

    name: str
    kind: str  # counter, gauge, histogram
    help: str
    labels: tuple[str, ...] = ()


class Histogram:
    """How often values fell between the bounds; the last count is beyond."""

    def __init__(self, counts: Iterable[int] = (), total: float = 0.0) -> None:
        self.counts = list(counts) or [0] * (len(BOUNDS_S) + 1)
        self.total = total


class Family(NamedTuple):
    """All values of one figure at one moment."""

    declared: Declared
    values: Values
    histograms: Mapping[tuple[str, ...], Histogram] = {}


COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
DECLARED: Final = {
    "requests": Declared(
        "authserver_http_requests_total",
        COUNTER,
        "Requests answered; without a route: unknown paths, and what was refused"
        " before it became a request.",
        ("route", "method", "status"),
    ),
    "durations": Declared(
        "authserver_http_request_duration_seconds",
        HISTOGRAM,
        "From the whole request to its whole answer.",
        ("route",),
    ),
    "unnoted": Declared(
        "authserver_http_requests_unnoted_total",
        COUNTER,
        "Requests that are missing above: the book of requests was full.",
    ),
    "refused": Declared(
        "authserver_refusals_total", COUNTER, "Refusals by their code.", ("code",)
    ),
    "connections": Declared(
        "authserver_connections",
        GAUGE,
        "Open connections: idle, waiting for the client, working.",
        ("state",),
    ),
    "request_queue": Declared(
        "authserver_request_queue", GAUGE, "Requests that wait for a thread."
    ),
    "hashing_queue": Declared(
        "authserver_hashing_queue",
        GAUGE,
        "Requests that hash a password: waiting, running.",
        ("state",),
    ),
    "hashed": Declared(
        "authserver_hashing_jobs_total",
        COUNTER,
        "Requests that hashed a password and are done with it.",
    ),
    "up": Declared(
        "authserver_up", GAUGE, "Whether a part answers: 1 or 0.", ("part",)
    ),
    "transactions": Declared(
        "authserver_database_transactions_total",
        COUNTER,
        "Transactions that were committed.",
    ),
    "commits": Declared(
        "authserver_database_commits_total",
        COUNTER,
        "Commits; on SQLite one may serve many transactions.",
    ),
    "database_errors": Declared(
        "authserver_database_errors_total",
        COUNTER,
        "Transactions and reads that the database did not come to or lost.",
    ),
    "database_waiting": Declared(
        "authserver_database_waiting", GAUGE, "Transactions that wait for their turn."
    ),
    "outbox": Declared(
        "authserver_outbox_messages",
        GAUGE,
        "Messages that have not left yet.",
        ("status",),
    ),
    "deliveries": Declared(
        "authserver_deliveries_total",
        COUNTER,
        "Attempts to send a message: sent, put_off, given_up.",
        ("channel", "outcome"),
    ),
    "unsent": Declared(
        "authserver_messages_unsent_total",
        COUNTER,
        "Messages that expired before they left, or whose sender was lost.",
        ("reason",),
    ),
    "sms_refused": Declared(
        "authserver_sms_refused_total",
        COUNTER,
        "Text messages given up at a limit.",
        ("limit",),
    ),
    "log_lost": Declared(
        "authserver_log_lines_lost_total",
        COUNTER,
        "Lines of the log that could not be written.",
    ),
    "started": Declared(
        "process_start_time_seconds", GAUGE, "When the process started, as epoch time."
    ),
    "build": Declared(
        "authserver_build_info", GAUGE, "Always 1.", ("version", "python")
    ),
}


class Metrics:
    """Counts events by name and labels; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._histograms: dict[tuple[str, ...], Histogram] = {}
        self._watched: dict[str, Callable[[], Values]] = {}

    def count(self, name: str, *labels: str, times: int = 1) -> None:
        """Add to the counter `name` with these labels."""
        with self._lock:
            self._counts[(name, *labels)] += times

    def value(self, name: str, *labels: str) -> int:
        """Return how often it was counted."""
        with self._lock:
            return self._counts[(name, *labels)]

    def observe(self, name: str, values: Iterable[float], *labels: str) -> None:
        """Add values to the histogram `name` with these labels."""
        with self._lock:
            histogram = self._histograms.setdefault((name, *labels), Histogram())
            for value in values:
                histogram.counts[bisect_left(BOUNDS_S, value)] += 1
                histogram.total += value

    def watch(self, name: str, read: Callable[[], Values]) -> None:
        """Have `name` read by `read` whenever somebody looks."""
        self._watched[name] = read

    def families(self) -> list[Family]:
        """Return everything that was counted, and what is watched."""
        with self._lock:
            counts = dict(self._counts)
            histograms = {
                key: Histogram(each.counts, each.total)
                for key, each in self._histograms.items()
            }
        found = []
        for name, declared in DECLARED.items():
            values = {key[1:]: n for key, n in counts.items() if key[0] == name}
            own = {key[1:]: each for key, each in histograms.items() if key[0] == name}
            if values or own:
                found.append(Family(declared, values, own))
        return found + [family(name, read()) for name, read in self._watched.items()]


def family(name: str, values: Values) -> Family:
    """Return a figure that is declared as `name`, with these values."""
    return Family(DECLARED[name], values)
