"""The clock: tokens, codes and sessions live and die by it.

Time that runs backwards revives what has expired; time that jumps ahead ends
everything at once. A lone SQLite server has no other clock to compare with, but
its own files: what was written cannot have been written later than now. Several
servers of one MySQL database must agree with each other, hence with it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from authserver import runtime
from authserver.checks import Finding, Patient, fail, ok, warn
from authserver.store import inspection
from authserver.store.database import DatabaseError, file_of, is_mysql

WRITTEN = 1_780_000_000  # when this line was: May 2026
TOLERATED_S = 60  # beyond it codes of ten minutes begin to suffer
NOTABLE_S = 2  # a clock that is kept right is never so far off


def plausible(patient: Patient) -> Iterator[Finding]:
    """Compare the clock with what must lie in the past."""
    told = f"{datetime.fromtimestamp(patient.now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    last = max((WRITTEN, *_times_written(patient)))
    if patient.now + TOLERATED_S < last:
        yield fail(
            f"{told} is earlier than what was written at "
            f"{datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M:%S}.",
            "Set the clock and keep it right: timedatectl set-ntp true",
        )
    elif is_mysql(patient.settings.database_url):
        yield from _compared(patient.settings.database_url, told)
    else:
        yield ok(told)


def _compared(url: str, told: str) -> Iterator[Finding]:
    try:
        # Now again: the check may have waited for its turn.
        apart = inspection.look_at_server(url).clock - runtime.wall_clock()
    except DatabaseError:
        return  # told by another check
    remedy = "Set both clocks and keep them right: timedatectl set-ntp true"
    if abs(apart) > TOLERATED_S:
        yield fail(f"{told}, and the database's is {apart:+} s apart.", remedy)
    elif abs(apart) > NOTABLE_S:
        yield warn(f"{told}, and the database's is {apart:+} s apart.", remedy)
    else:
        yield ok(f"{told}, and the database agrees")


def _times_written(patient: Patient) -> list[float]:
    try:
        file = file_of(patient.settings.database_url)
    except DatabaseError:
        return []
    files = [Path(f"{file}{suffix}") for suffix in ("", "-wal")]
    return [each.stat().st_mtime for each in files if each.exists()]
