"""Moments as people write them, as whole epoch seconds.

    2026-01-31                   the midnight at which that day begins, UTC
    2026-01-31T09:30             UTC, unless an offset stands behind it
    2026-01-31T10:30:00+01:00    as ISO 8601 and RFC 3339 have it
    90s  15m  2h  7d  4w         so long before now

An unclear day is worse than a strict one: 01/02/2026 is refused.
"""

import re
from datetime import UTC, datetime

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
AGO = re.compile(r"([0-9]{1,9})([smhdw])")


def iso(text: str) -> int:
    """Return the moment of an ISO 8601 date or time; raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def parse(text: str, *, now: int) -> int:
    """Return an absolute moment, or one before `now`; raises `ValueError`."""
    ago = AGO.fullmatch(text)
    return now - int(ago[1]) * UNITS_S[ago[2]] if ago else iso(text)


def text(moment: int) -> str:
    """Return the moment as 2026-01-31T09:30:00Z."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
