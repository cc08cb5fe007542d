"""The book of answered requests: noted by who answers, worked up by a thread.

    request --note--> [ book ] --some times a second--> counters, durations
                                                    --> a line of the log each

    ... INFO    access 5f0c...: 192.0.2.7 POST /login 200 512 1.31
                   request id   address          status bytes ms

The request path pays for one append, a tenth of a microsecond. Counting and a
line of the log cost ten times that: they are left to a thread of the book,
which takes small slices and rests in between. Under load the loop works up a
slice itself, once it has sent its answers: changing to the thread and back for
each would cost more than the work.

While nothing comes the thread sleeps for good. The first note wakes it; then it
looks ten times a second, until for a second there was nothing.

The query never gets here, because people put secrets into it. The path is what
a stranger sent, so it is escaped like everything in the log. What counts is the
`route`, a path of the route table: strangers cannot make up more of those.

In a program that has its own logging each line goes there, as any other does.
"""

import logging
import threading
import time
from collections import deque
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from authserver import logs
from authserver.metrics import Metrics

# Epoch seconds, address, method, path, route, status, bytes sent (of the body
# alone under another server), seconds taken, request id. A plain tuple: a named
# one would cost as much as the note.
# Method, path and route are empty where the request never became one.
Answered = tuple[float, str, str, str, str, int, int, float, str]

MAX_NOTED: Final = 20_000  # a stopped thread must not eat the memory; 6 MiB
SLICE: Final = 300  # notes at a time, under a millisecond of work
REST_S: Final = 0.001  # between slices: whoever waits for the interpreter goes on
LOOK_S: Final = 0.1
QUIET_LOOKS: Final = 10  # in vain, then it sleeps
_PLAIN: Final = bytes([*range(32, 127), 10])  # ASCII that prints, and line ends
METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})

log: Final = logging.getLogger("authserver.access")


class AccessBook:
    """Keeps what was answered until it is counted and logged."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._metrics.count("unnoted", times=0)  # so that it can be seen to be zero
        self._noted: deque[Answered] = deque()
        self._dropped = 0
        self._working = threading.Lock()
        self._asleep = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, answered: Answered) -> None:
        """Take down a request that was answered. Never waits."""
        if len(self._noted) >= MAX_NOTED:
            self._dropped += 1
            return
        if len(answered[3]) > logs.MAX_PATH_CHARS:  # a stranger's
            answered = _discreet(answered)
        self._noted.append(answered)
        if self._asleep:
            self._wake.set()

    def start(self) -> None:
        """Start working up what is noted."""
        # A daemon, so that a program that forgets `stop` can still end.
        self._thread = threading.Thread(target=self._run, name="access", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Work up all that was noted, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.work_up()

    def work_up(self) -> None:
        """Count and log now what has been noted until now."""
        for _ in range(0, len(self._noted), SLICE):
            self._work()

    def work_up_slice(self) -> None:
        """Do so in the caller's thread, if there is a slice of it by now.

        Under load this is cheaper than to change to our thread and back, for
        whoever notes again and again. Does nothing where it might have to wait.
        """
        if len(self._noted) >= SLICE and logs.ours():
            self._work(wait=False)

    def _run(self) -> None:
        quiet = 0
        while not self._stopping.is_set():
            quiet = 0 if self._noted else quiet + 1
            if quiet > QUIET_LOOKS:
                self._sleep()
            try:
                # What is there by now, and not what comes meanwhile: who notes
                # a lot works it up as well.
                for _ in range(0, len(self._noted), SLICE):
                    self._work()
                    time.sleep(REST_S)
            except Exception:
                log.exception("some requests were not logged")
            self._stopping.wait(LOOK_S)

    def _sleep(self) -> None:
        self._asleep = True
        if not self._noted:  # whoever notes from here on sees us asleep
            self._wake.wait()
        self._asleep = False
        if not self._stopping.is_set():
            self._wake.clear()

    def _work(self, *, wait: bool = True) -> None:
        if not self._working.acquire(blocking=wait):
            return
        try:
            size = min(len(self._noted), SLICE)
            noted = [self._noted.popleft() for _ in range(size)]
            answered = [
                _discreet(each) if logs.OPENING in each[3] else each for each in noted
            ]
            dropped, self._dropped = self._dropped, 0
            self._count(answered)
            self._log(answered)
        finally:
            self._working.release()
        if dropped:
            self._metrics.count("unnoted", times=dropped)
            log.warning("%d requests were neither logged nor counted", dropped)

    def _count(self, answered: list[Answered]) -> None:
        alike: dict[tuple[str, str, int], list[float]] = {}
        for _, _, method, _, route, status, _, seconds, _ in answered:
            alike.setdefault((route, method, status), []).append(seconds)
        for (route, method, status), durations in alike.items():
            known = method if method in METHODS or not method else "other"
            labels = (route, known, str(status))
            self._metrics.count("requests", *labels, times=len(durations))
            if method:  # what never became a request took no time
                self._metrics.observe("durations", durations, route)

    def _log(self, answered: list[Answered]) -> None:
        if not answered or not log.isEnabledFor(logging.INFO):
            return
        handlers = logs.ours()
        for handler in handlers:
            lines = _json_lines if handler.form == "json" else _text_lines
            handler.writer.put(lines(answered))
        if not handlers:
            for each in answered:
                earlier = logs.request_id.set(each[-1])
                log.info("%s", _message(each))
                logs.request_id.reset(earlier)


def _discreet(answered: Answered) -> Answered:
    """Return it with its path as the log may have it."""
    return (*answered[:3], logs.discreet(answered[3]), *answered[4:])


# What follows is most of what a request costs beside its answer, so it is made
# for speed: a record of `logging` for each line would take ten times as long.


def _text_lines(answered: list[Answered]) -> str:
    """Return the lines as `logs` would write them."""
    lines = []
    second, moment = -1, ""
    for each in answered:
        if int(each[0]) != second:  # many share one
            second = int(each[0])
            moment = logs.moment(second)
        _, address, method, path, _, status, sent, seconds, request_id = each
        lines.append(
            f"{moment} INFO    access {request_id}: {address} {method or '-'} "
            f"{path or '-'} {status} {sent} {seconds * 1000:.2f}\n"
        )
    text = "".join(lines)
    # All of them at once, as there is hardly ever one to be escaped.
    plain = text.isascii() and not text.encode().translate(None, _PLAIN)
    if plain and text.count("\n") == len(lines):
        return text
    return "".join(f"{logs.printable(line[:-1])}\n" for line in lines)


def _json_lines(answered: list[Answered]) -> str:
    """Return the objects as `logs` would write them, with each part apart."""
    lines = []
    second, moment = -1, ""
    for each in answered:
        if int(each[0]) != second:
            second = int(each[0])
            moment = logs.moment(second)
        _, address, method, path, route, status, sent, seconds, request_id = each
        lines.append(
            f'{{"time": "{moment}", "level": "info", '
            f'"logger": "authserver.access", "request_id": {quoted(request_id)}, '
            f'"message": {quoted(_message(each))}, "address": {quoted(address)}, '
            f'"method": {quoted(method)}, "path": {quoted(path)}, '
            f'"route": {quoted(route)}, "status": {status}, "bytes": {sent}, '
            f'"ms": {seconds * 1000:.2f}}}\n'
        )
    return "".join(lines)


def _message(answered: Answered) -> str:
    _, address, method, path, _, status, sent, seconds, _ = answered
    took_ms = f"{seconds * 1000:.2f}"
    return f"{address} {method or '-'} {path or '-'} {status} {sent} {took_ms}"
