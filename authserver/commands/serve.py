"""Serving: from the first request to SIGTERM."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from authserver import heap, logs
from authserver.commands import operating, warn_of
from authserver.log_writer import Writer
from authserver.settings import Settings, SettingsError

if TYPE_CHECKING:  # loads much that serving does not need
    from argparse import ArgumentParser, Namespace

    from authserver.workers import Inherited

HELP = "listen for requests (the default)"
WORKER = "worker"  # the command of one of several processes; its parent gives it
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("authserver.serve")


def add_arguments(parser: "ArgumentParser") -> None:
    """Take no arguments."""


def run(_options: "Namespace | None" = None) -> int:
    """Serve until told to stop, in one process or in WORKERS of them."""
    with operating(warn=False) as settings:
        if settings.workers == 1:
            _serve(settings)
            return 0
        from authserver import listening, workers

        _wait_for_no_log()
        warn_of(settings)
        _say_where_codes_go(settings)
        listener = listening.listen(settings)
        command = (*workers.our_command(), WORKER)
        return workers.Parent(listener, settings.workers, command).run()


def run_worker(descriptors: str) -> int:
    """Serve as one of several processes, started by their parent."""
    from authserver import workers

    inherited = workers.inherit(descriptors)
    with operating(warn=False) as settings:
        if settings.workers == 1:  # and limits would be counted by each alone
            raise SettingsError(
                "workers", "was changed to 1, which takes a restart of the server."
            )
        _serve(settings, inherited)
    return 0


def _serve(settings: Settings, inherited: "Inherited | None" = None) -> None:
    # Blocked, here and in all threads to come, and then waited for. A handler
    # would be run by this thread alone, while the system may give the signal to
    # any other one: then nothing wakes this one from its wait. And a handler
    # that takes a lock may have interrupted whoever holds it.
    heard = {*STOP_SIGNALS, *_hang_up()}
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    in_terminal = inherited is None and os.isatty(0)
    from authserver import runtime  # which the parent of workers does not need
    from authserver.web import server

    heap.share()
    server.raise_descriptor_limit()
    _wait_for_no_log()
    if inherited is None:
        warn_of(settings)
    else:
        inherited.stop_with_parent()
    app = runtime.create_app(settings)
    try:
        running = runtime.serve(app, inherited.listener if inherited else None)
    except SettingsError:
        runtime.close(app)
        raise
    log.info("listening on %s for %s", running.url, settings.public_url)
    if inherited is None:
        _say_where_codes_go(settings, running.messages_url)
    else:
        inherited.say_ready()
    # What start-up made stays: the collector need not look at it again.
    gc.freeze()
    # What requests make is nearly all freed as soon as nobody refers to it. The
    # collector looks for circles, and needs not look after each few of them.
    gc.set_threshold(20_000)
    gc.enable()
    while signal.sigwait(heard) not in STOP_SIGNALS and not in_terminal:
        # `systemctl reload`, say, which would kill who does not wait for it.
        log.warning("SIGHUP changes nothing: a restart takes new settings")
    log.info("stopping")
    running.stop()


def _hang_up() -> Iterable[signal.Signals]:
    """Return what tells that a terminal is closed, if it is to be heard."""
    found: signal.Signals | None = getattr(signal, "SIGHUP", None)  # not on Windows
    if found is None or signal.getsignal(found) == signal.SIG_IGN:  # by nohup
        return ()
    return (found,)


def _wait_for_no_log() -> None:
    for handler in logs.ours():
        handler.writer.start()


def _say_where_codes_go(settings: Settings, page: str | None = None) -> None:
    if not settings.email_configured:
        both = "EMAIL_HOST and TWILIO_SID are"
        missing = "EMAIL_HOST is" if settings.sms_configured else both
        log.warning("%s not set: codes are printed here, not sent", missing)
    if page:
        # Where the codes are printed, and not in the log: it opens them all. As
        # the log is, lest a pipe that nobody reads keeps us from the signals.
        printer = Writer(sys.stdout, lambda _: "")
        printer.start()
        printer.put(f"Codes can also be read in a browser: {page}\n")
        printer.stop()
