"""The database: whether it can be reached, and the server start with it.

What the start looks at as well (every page of the file) is left to the start.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from authserver.checks import (
    Finding,
    Patient,
    configuration,
    fail,
    fail_at,
    mysql_server,
    ok,
    warn,
)
from authserver.checks.schema import schema
from authserver.store import inspection, lockfile, reading
from authserver.store.database import DatabaseError, file_of, is_mysql

FIXED_SQLITE = (3, 51, 3)  # where the WAL-reset bug is mended
LITTLE_BYTES, TOO_LITTLE_BYTES = 1 << 30, 100 << 20  # free on the disk


def engine(patient: Patient) -> Iterator[Finding]:
    """Open it, and look at the version of what reads it."""
    url = patient.settings.database_url
    if is_mysql(url):
        yield from mysql_server.engine(url)
        return
    try:
        file = file_of(url)
    except DatabaseError as error:
        yield fail(str(error))
        return
    if file.exists() or Path(f"{file}-wal").exists():
        yield from _sqlite(url, file)
    else:
        yield ok(f"{file} is made at the first start")


def _sqlite(url: str, file: Path) -> Iterator[Finding]:
    try:
        version = reading.look(url, inspection.find_sqlite_version)
    except DatabaseError as error:
        yield fail_at(file, error)
        return
    if tuple(int(part) for part in version.split(".")) < FIXED_SQLITE:
        yield warn(
            f"SQLite {version} has the WAL-reset bug, by which two programs that "
            "write one file can damage it.",
            "The server never does that: it has one writer and keeps a second "
            "process away. Write into the file with no other program while it "
            "runs; SQLite 3.51.3 mends it.",
        )
    else:
        yield ok(f"{file}, SQLite {version}")
    yield schema(url, "sqlite")


def files(patient: Patient) -> Iterator[Finding]:
    """Look at the folder, who may read the file, and the space on its disk."""
    try:
        file = file_of(patient.settings.database_url)
    except DatabaseError:
        return
    folder = file.resolve().parent
    if not folder.is_dir():
        yield fail(
            f"The folder {folder} does not exist.", f"Make it: mkdir -p {folder}"
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield fail(
            f"The folder {folder} cannot be written by this user.",
            f"Give it to the user who runs the server: chown USER {folder}",
        )
    else:
        yield from _files_in(folder, file)


def server(patient: Patient) -> Iterator[Finding]:
    """Tell whether a server uses the database at this moment."""
    try:
        holder = lockfile.holder(file_of(patient.settings.database_url))
    except DatabaseError:
        return
    yield ok(f"running, process {holder}" if holder else "not running here")


def _files_in(folder: Path, file: Path) -> Iterator[Finding]:
    if file.exists():
        yield configuration.closed(file)
    free = shutil.disk_usage(folder).free
    told = f"{free >> 20:,} MiB free in {folder}"
    remedy = "Free some space: with a full disk nobody can log in."
    if free < TOO_LITTLE_BYTES:
        yield fail(f"{told}.", remedy)
    elif free < LITTLE_BYTES:
        yield warn(f"{told}.", remedy)
    else:
        yield ok(told)
