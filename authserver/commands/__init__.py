"""What an operator can have done, one file per command.

Each has a `HELP` line, `add_arguments(parser)`, and `run(options)`, which
returns the exit status. `operating` reads the settings and starts the log, the
way every command does that works with the server's data.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from authserver import logs
from authserver.settings import Settings

log = logging.getLogger("authserver.commands")


@contextlib.contextmanager
def operating(*, warn: bool = True) -> Iterator[Settings]:
    """Yield the settings of this folder, with the log set up by them.

    With `warn` false somebody else tells what is unwise about them. Raises
    `SettingsError`.
    """
    settings = Settings.from_environment(dotenv=Path(".env"))
    handler = logs.set_up(form=settings.log_format, level=settings.log_level)
    try:
        if warn:
            warn_of(settings)
        yield settings
    finally:
        logs.take_down(handler)


def warn_of(settings: Settings) -> None:
    """Log what is unwise about the settings."""
    for warning in settings.warnings:
        log.warning("%s", warning)
