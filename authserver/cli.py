"""The command line: what an operator types.

    python server.py            serve
    python server.py migrate    bring the database's schema up to date, then end
    python server.py doctor     look the installation over, say what to mend
    python server.py audit      print what happened, from the audit log
    python server.py users      import users from another system
    python server.py database   copy everything from SQLite into MySQL
    python server.py --help     all of this, --version the version

Settings come from the environment and from `.env` in the current folder. What
cannot work ends with one sentence on standard error and exit status 2. Whoever
reads our output may stop when they have enough, as `head` does: that ends a
command silently, with the status that a shell gives to all who end so. Output
that cannot be written otherwise (the disk is full) ends it with a sentence and
status 1; what its encoding has no character for is escaped.

There is one more command, `worker`, that nobody types: see `workers`.
"""

import contextlib
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from authserver.keys import KeyFileError
from authserver.settings import NAME, VERSION, SettingsError
from authserver.store.database import DatabaseError

NOBODY_READS = 128 + 13  # ended by signal 13, SIGPIPE
INTERRUPTED = 128 + 2  # SIGINT: Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    # None if closed at the start (`>&-`). The next file to be opened would get
    # the descriptor, and Python's own last words would land in it.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays
    if isinstance(sys.stdout, io.TextIOWrapper):  # as that of errors has it anyway
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()  # --help too, which ends by SystemExit
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        lost = [_lost(stream) for stream in (sys.stdout, sys.stderr)]  # of both
        if isinstance(error, BrokenPipeError):
            return NOBODY_READS
        if not any(lost):
            raise  # it was not about our output
        reason = error.strerror
        with contextlib.suppress(OSError):
            print(f"{NAME}: the output cannot be written: {reason}.", file=sys.stderr)
        _lost(sys.stderr)
        return 1


def _lost(stream: TextIO) -> bool:
    """Tell whether what is left in `stream` cannot be written, and drop it."""
    try:
        stream.flush()
    except OSError:
        # Python would flush once more, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return True
    return False


def _run(arguments: Sequence[str]) -> int:
    run = _command(arguments)
    try:
        return run()
    except (SettingsError, KeyFileError, DatabaseError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        print(
            f"{NAME}: the system allows no more threads, or no memory for them: see "
            "TasksMax, ulimit -u and ulimit -v.",
            file=sys.stderr,
        )
        return 2


def _command(arguments: Sequence[str]) -> Callable[[], int]:
    """Return what to run; --help, --version and mistakes end the process."""
    from authserver.commands import serve

    if not arguments:
        return serve.run
    if arguments[0] == serve.WORKER:
        return lambda: serve.run_worker(arguments[1])
    import argparse  # loads much that serving, the usual case, does not need

    from authserver.commands import audit, database, doctor, migrate, users

    gc.enable()  # server.py turned it off while modules load
    parser = argparse.ArgumentParser(
        prog="server.py",
        description="An authentication server: accounts, logins and sessions over "
        "HTTP and JSON. Without a command it serves.",
        epilog="Settings are environment variables or lines of .env in this folder; "
        ".env.example lists them all. With none, it listens on 127.0.0.1:8080, keeps "
        "its data in authserver.db and prints codes instead of mailing them.",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    commands = parser.add_subparsers(title="commands")
    for name, module in (
        ("serve", serve),
        ("migrate", migrate),
        ("doctor", doctor),
        ("audit", audit),
        ("users", users),
        ("database", database),
    ):
        command = commands.add_parser(name, help=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = getattr(options, "run", serve.run)
    return lambda: run(options)
