"""Moving up: everything from an SQLite file into an empty MySQL database.

    server.py database copy --to mysql://user:password@host/name

A command line can be read by everybody on the machine, and the address holds a
password: so the variable TARGET_DATABASE_URL, or a file that
TARGET_DATABASE_URL_FILE names, does the same.

The server must be stopped: its lock on the file is held meanwhile, so what is
copied is everything. An interrupted copy cannot be continued, because nothing
would tell whether the rows over there are its own; so a target that holds any
row is refused, and no server starts on half a copy. The file is left as it is,
and going back is starting with it.
"""

import sys
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

from authserver import errors, runtime
from authserver.commands import operating
from authserver.setting_sources import look_up
from authserver.settings import NAME, Settings, gather
from authserver.store import copying
from authserver.store.database import (
    ConstraintViolation,
    Database,
    DatabaseError,
    file_of,
    is_mysql,
    open_database,
)

HELP = "copy the SQLite database into an empty MySQL one"
VARIABLE = "TARGET_DATABASE_URL"
BREAKS = (errors.Unavailable, ConstraintViolation, KeyboardInterrupt, BrokenPipeError)
EMPTY_IT = (
    "A copy that was broken off cannot be continued: make the target empty "
    "(DROP DATABASE, CREATE DATABASE) and begin again."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Take what to do, and the address to copy to."""
    parser.add_argument("action", choices=["copy"], help=HELP)
    parser.add_argument(
        "--to",
        metavar="URL",
        help=f"mysql://user:password@host/name of an empty database; {VARIABLE} in "
        "the environment keeps the password out of the list of processes",
    )


def run(options: Namespace) -> int:
    """Copy every table, count both sides, and say what to set next."""
    with operating() as settings:
        to = options.to or _target_in_environment()
        if is_mysql(settings.database_url):
            raise DatabaseError("DATABASE_URL names MySQL; only SQLite is copied.")
        if not is_mysql(to):
            raise DatabaseError(
                f"Name the target by --to or {VARIABLE}: mysql://user:password@"
                f"host/name."
            )
        if not file_of(settings.database_url).exists():
            raise DatabaseError("DATABASE_URL names a file that does not exist.")
        now = runtime.wall_clock()
        # With its lock: no server starts on it before the end.
        source = open_database(settings.database_url, now=now, migrate=False)
        with closing(source), closing(_open_target(to, now=now)) as target:
            try:
                return _copy(settings, source, target)
            except BREAKS as end:
                reason = str(end) or "interrupted"
                print(f"{NAME}: broken off: {reason}. {EMPTY_IT}", file=sys.stderr)
                return 1


def _open_target(url: str, *, now: int) -> Database:
    try:
        return open_database(url, now=now)
    except DatabaseError as error:  # its sentences name the variable of a server
        raise DatabaseError(str(error).replace("DATABASE_URL", VARIABLE)) from error


def _target_in_environment() -> str:
    variables, _ = gather(dotenv=Path(".env"))
    return look_up(variables, VARIABLE, secret=True) or ""


def _copy(settings: Settings, source: Database, target: Database) -> int:
    held = target.transaction(copying.begin, now=runtime.wall_clock())
    if held:
        told = ", ".join(f"{table}: {rows:,}" for table, rows in held.items())
        raise DatabaseError(f"The target holds rows ({told}). {EMPTY_IT}")
    expected = source.read(copying.count)
    for table in copying.TABLES:
        line = f"{table.name:16} {{:>12,}} of {expected[table.name]:,}"
        copied = 0
        for copied in copying.copy(source, target, table):
            if sys.stdout.isatty():
                print(line.format(copied), end="\r", flush=True)
        print(line.format(copied), flush=True)
    found = target.read(copying.count)
    if found != expected:
        differing = [name for name, n in expected.items() if found[name] != n]
        print(
            f"{NAME}: the target does not hold as many rows as the source in "
            f"{', '.join(differing)}. {EMPTY_IT}",
            file=sys.stderr,
        )
        return 1
    target.transaction(copying.end)
    print(_next_steps(settings))
    return 0


def _next_steps(settings: Settings) -> str:
    key = "SECRET_KEY         as it is"
    if not settings.secret_key:
        file = runtime.key_file(file_of(settings.database_url)).resolve()
        key = f"SECRET_KEY_FILE    {file} (or its text as SECRET_KEY)"
    return (
        "\nAll rows are there. Set, and start the server:\n"
        "  DATABASE_URL       the address that was copied to\n"
        f"  {key}\n"
        "Do not start it on the old file again: what waits to be sent would be sent "
        "twice."
    )
