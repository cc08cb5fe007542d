"""One line per event, each with the id of the request that caused it.

    2026-01-31T09:30:00+00:00 INFO    access 5f0c...: 192.0.2.7 POST /login ...

Lines go to standard error, where systemd and containers expect them, and by way
of `log_writer`, so that a server waits for nobody who reads them. Two forms:
`text` for people, `json` (one object per line) for machines. Times are UTC.

What strangers send -- paths, user agents -- may end up in a line, so control
and other non-printing characters are escaped: a line break in a user agent must
not forge a second entry, nor an escape sequence repaint a terminal. Secrets are
kept out by never being handed to a logger at all; a path, which may hold one,
goes through `discreet` first.

The request id travels in a context variable, so that code far from the socket
logs it without knowing that requests exist.
"""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from authserver.log_writer import Writer

OPENING = "/messages/"  # what follows opens them: see `board`
MAX_PATH_CHARS = 500  # ours have a tenth of that; a head has room for 16,000
request_id: ContextVar[str] = ContextVar("request_id", default="-")


def discreet(path: str) -> str:
    """Return the path of a request as the log may have it, not too long."""
    before, found, _ = path.partition(OPENING)
    if found:
        path = f"{before}{found}..."
    return path if len(path) <= MAX_PATH_CHARS else f"{path[:MAX_PATH_CHARS]}..."


class Lines(logging.Handler):
    """Our way to standard error; `form` is text or json."""

    def __init__(self, form: str, stream: TextIO) -> None:
        super().__init__()
        self.form = form
        self.writer = Writer(stream, self._lost)
        self.setFormatter(_JsonLines() if form == "json" else _TextLines())

    def emit(self, record: logging.LogRecord) -> None:
        """Format here, where the request's id is known, and pass it on."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a wrong log call must not fail its caller
            # Nor be told on standard error, as logging does: that may hang.
            line = self._told("a log line cannot be formatted: %s", repr(record.msg))
        self.writer.put(f"{line}\n")

    def close(self) -> None:
        """Write what is held, within a second."""
        self.writer.stop()
        super().close()

    def _lost(self, lines: int) -> str:
        message = "%d log lines before this one could not be written"
        return f"{self._told(message, lines)}\n"

    def _told(self, message: str, argument: object) -> str:
        return self.format(
            logging.LogRecord(
                "authserver.logs", logging.WARNING, "", 0, message, (argument,), None
            )
        )


def set_up(*, form: str, level: str, stream: TextIO | None = None) -> Lines:
    """Send the package's log lines to `stream`; return the handler to remove.

    Only the logger `authserver` is touched: a program that embeds us keeps its
    own logging as it is. A server calls `writer.start()`, so that nobody waits.
    """
    handler = Lines(form, stream or sys.stderr)
    logger = logging.getLogger("authserver")
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False
    return handler


def take_down(handler: logging.Handler) -> None:
    """Undo `set_up`."""
    logger = logging.getLogger("authserver")
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    handler.close()


def ours() -> list[Lines]:
    """Return what `set_up` made and nobody took down."""
    handlers = logging.getLogger("authserver").handlers
    return [each for each in handlers if isinstance(each, Lines)]


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        name = record.name.removeprefix("authserver.")
        line = (
            f"{_time(record)} {record.levelname:<7} {name} {request_id.get()}: "
            f"{printable(record.getMessage())}"
        )
        if record.exc_info:
            # The traceback's own line breaks stay; what it quotes is escaped.
            lines = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n    {printable(text)}" for text in lines)
        return line


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)  # ASCII: every odd character is escaped


def _time(record: logging.LogRecord) -> str:
    return moment(record.created)


def moment(epoch_s: float) -> str:
    """Return a time as every line begins with it."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")


def printable(text: str) -> str:
    """Return `text` with everything escaped that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text
    )
