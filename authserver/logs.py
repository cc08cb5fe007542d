"""One line per event, each with the id of the request that caused it.

    2026-01-31T09:30:00+00:00 INFO access 5f0c...: 192.0.2.7 POST /login 200

Lines go to standard error, where systemd and containers expect them. Two forms:
`text` for people, `json` (one object per line) for machines. Times are UTC.

What strangers send -- paths, user agents -- may end up in a line, so control
and other non-printing characters are escaped: a line break in a user agent must
not forge a second entry, nor an escape sequence repaint a terminal. Secrets are
kept out by never being handed to a logger at all.

The request id travels in a context variable, so that code far from the socket
logs it without knowing that requests exist.
"""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="-")


def set_up(*, form: str, level: str, stream: TextIO | None = None) -> logging.Handler:
    """Send the package's log lines to `stream`; return the handler to remove.

    Only the logger `authserver` is touched: a program that embeds us keeps its
    own logging as it is.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLines() if form == "json" else _TextLines())
    logger = logging.getLogger("authserver")
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False
    return handler


def take_down(handler: logging.Handler) -> None:
    """Undo `set_up`."""
    logger = logging.getLogger("authserver")
    logger.removeHandler(handler)
    logger.propagate = True


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
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")


def printable(text: str) -> str:
    """Return `text` with everything escaped that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text
    )
