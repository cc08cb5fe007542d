"""One process per database file, by a lock that dies with its holder.

SQLite lets many processes write one file. We do not: the writer of `sqlite.py`
owns all writes and checkpoints, and a second one would bring back the races
that this rules out. `flock` (BSD locks, flock(2)) belongs to the open file, so
the kernel lets go of it however the process ends, kill -9 included, and a
second opening is refused inside one process as well. The POSIX locks that
SQLite itself uses do neither: they vanish when any handle is closed.

The file stays behind on purpose. Deleting it would open a gap in which one
process holds the lock of a name that another has just made anew.
"""

import os
import re
from pathlib import Path

from authserver.store.database import DatabaseError


def acquire(database: Path) -> int:
    """Lock `<database>.lock` and return its descriptor; closing it unlocks.

    Raises `DatabaseError`.
    """
    try:
        import fcntl
    except ImportError as error:
        raise DatabaseError(
            "SQLite storage needs Linux, macOS or another POSIX system, because of "
            "the lock that keeps a second process away."
        ) from error
    path = f"{database}.lock"
    try:
        # Not inherited by programs that we start (PEP 446).
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatabaseError(
            f"The folder of {database} cannot be written: {error.strerror}."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DatabaseError(
            f"Another authserver process uses {database} ({path} is locked); stop "
            f"it first."
            if isinstance(error, BlockingIOError)
            else f"{path} cannot be locked: {error.strerror}."
        ) from error
    return descriptor


def holder(database: Path) -> int | None:
    """Return the id of the process that holds the lock, without touching it.

    Trying to lock would turn a server away that starts at this moment; Linux
    lists all locks. None elsewhere, and when nobody holds it.
    """
    try:
        inode = os.stat(f"{database.resolve()}.lock").st_ino
        held = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return None
    # 4: FLOCK  ADVISORY  WRITE 20652 fe:00:2146426 0 EOF        (proc_locks(5))
    found = re.search(rf"FLOCK .* ([0-9]+) [0-9a-f:]+:{inode} ", held)
    return int(found[1]) if found else None
