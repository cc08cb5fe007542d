"""Serving: from the first request to SIGTERM."""

import gc
import logging
import signal
from typing import TYPE_CHECKING

from authserver import logs, runtime
from authserver.commands import operating
from authserver.settings import Settings, SettingsError

if TYPE_CHECKING:  # loads much that serving does not need
    from argparse import ArgumentParser, Namespace

HELP = "listen for requests (the default)"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("authserver.serve")


def add_arguments(parser: "ArgumentParser") -> None:
    """Take no arguments."""


def run(_options: "Namespace | None" = None) -> int:
    """Serve until told to stop."""
    with operating() as settings:
        _serve(settings)
    return 0


def _serve(settings: Settings) -> None:
    # Blocked, here and in all threads to come, and then waited for. A handler
    # would be run by this thread alone, while the system may give the signal to
    # any other one: then nothing wakes this one from its wait. And a handler
    # that takes a lock may have interrupted whoever holds it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    for handler in logs.ours():
        handler.writer.start()
    app = runtime.create_app(settings)
    try:
        running = runtime.serve(app)
    except SettingsError:
        runtime.close(app)
        raise
    log.info("listening on %s for %s", running.url, settings.public_url)
    if not settings.email_configured:
        both = "EMAIL_HOST and TWILIO_SID are"
        missing = "EMAIL_HOST is" if settings.sms_configured else both
        log.warning("%s not set: codes are printed here, not sent", missing)
    # What start-up made stays: the collector need not look at it again.
    gc.freeze()
    gc.enable()
    signal.sigwait(STOP_SIGNALS)
    log.info("stopping")
    running.stop()
