"""The command line: what an operator types.

    python server.py            serve
    python server.py migrate    bring the database's schema up to date, then end
    python server.py --help

Settings come from the environment and from `.env` in the current folder. What
cannot work ends with one sentence on standard error and exit status 2.
"""

import gc
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from authserver import logs, runtime
from authserver.keys import KeyFileError
from authserver.settings import NAME, VERSION, Settings, SettingsError
from authserver.store.database import DatabaseError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("authserver.cli")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    command = _command(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = Settings.from_environment(dotenv=Path(".env"))
        handler = logs.set_up(form=settings.log_format, level=settings.log_level)
        try:
            for warning in settings.warnings:
                log.warning("%s", warning)
            return _migrate(settings) if command == "migrate" else _serve(settings)
        finally:
            logs.take_down(handler)
    except (SettingsError, KeyFileError, DatabaseError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 2


def _command(arguments: Sequence[str]) -> str | None:
    """Return the command; --help, --version and mistakes end the process."""
    if not arguments:
        return None
    import argparse  # loads much that serving, the usual case, does not need

    parser = argparse.ArgumentParser(
        prog="server.py",
        description="An authentication server: accounts, logins and sessions over "
        "HTTP and JSON. Without a command it serves.",
        epilog="Settings are environment variables or lines of .env in this folder; "
        ".env.example lists them all. With none, it listens on 127.0.0.1:8080, keeps "
        "its data in authserver.db and prints codes instead of mailing them.",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    commands = parser.add_subparsers(dest="command", title="commands")
    commands.add_parser("serve", help="listen for requests (the default)")
    commands.add_parser(
        "migrate", help="bring the database's schema up to date without serving"
    )
    command: str | None = parser.parse_args(arguments).command
    return command


def _serve(settings: Settings) -> int:
    # Blocked, here and in all threads to come, and then waited for. A handler
    # would be run by this thread alone, while the system may give the signal to
    # any other one: then nothing wakes this one from its wait. And a handler
    # that takes a lock may have interrupted whoever holds it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    app = runtime.create_app(settings)
    try:
        running = runtime.serve(app)
    except SettingsError:
        runtime.close(app)
        raise
    log.info("listening on %s for %s", running.url, settings.public_url)
    if not settings.email_configured:
        log.warning("EMAIL_HOST is not set: codes are printed here, not mailed")
    # What start-up made stays: the collector need not look at it again.
    gc.freeze()
    gc.enable()
    signal.sigwait(STOP_SIGNALS)
    log.info("stopping")
    running.stop()
    return 0


def _migrate(settings: Settings) -> int:
    app = runtime.create_app(settings)
    for name in app.database.applied:
        print(f"applied {name}")
    print("the schema is up to date")
    runtime.close(app)
    return 0
