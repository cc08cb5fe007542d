"""Serving: from the settings to SIGTERM.

    settings -> app -> listening -> [ requests ] -> SIGTERM, SIGINT -> drained

The main thread puts everything together and then only waits for a signal. It
has signals blocked, in all threads, and asks for them (`sigwait`). A handler
would be run by this thread alone, while the system may give the signal to any
other one: then nothing wakes this one from its wait. And a handler that takes a
lock may have interrupted whoever holds it.

With WORKERS above 1 this process serves nobody: it starts others, which come
here by `run_worker`, and keeps them alive (`workers`).

What holds for the process as a whole is set here, and not where an embedding
program would get it too: descriptors, the heap, the collector of garbage.
"""

import functools
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Set
from typing import TYPE_CHECKING

from authserver import heap, logs, setting_rules
from authserver.commands import operating, warn_of
from authserver.log_writer import Writer
from authserver.settings import Settings, SettingsError

if TYPE_CHECKING:  # loads much that serving does not need
    from argparse import ArgumentParser, Namespace

    from authserver.workers import Inherited

HELP = "listen for requests (the default)"
WORKER = "worker"  # the command of one of several processes; its parent gives it
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})

log = logging.getLogger("authserver.serve")


def add_arguments(parser: "ArgumentParser") -> None:
    """Take no arguments."""


def run(_options: "Namespace | None" = None) -> int:
    """Serve until told to stop, in one process or in WORKERS of them."""
    if setting_rules.SYSTEM != "posix":  # which an embedding program need not be
        raise SettingsError("this system", "has no POSIX signals: serve on Linux.")
    with operating(warn=False) as settings:
        if settings.workers == 1:
            return _serve(settings)
        from authserver import listening, workers

        _wait_for_no_log()
        warn_of(settings)
        _say_where_codes_go(settings)
        listener = listening.listen(settings)
        command = (*workers.our_command(), WORKER)
        return workers.Parent(
            listener, settings.workers, command, heard=_heard(), ends=_what_ends()
        ).run()


def run_worker(descriptors: str) -> int:
    """Serve as one of several processes, started by their parent."""
    from authserver import workers

    inherited = workers.inherit(descriptors)
    with operating(warn=False) as settings:
        if settings.workers == 1:  # and limits would be counted by each alone
            raise SettingsError(
                "workers", "was changed to 1, which takes a restart of the server."
            )
        return _serve(settings, inherited)


def _serve(settings: Settings, inherited: "Inherited | None" = None) -> int:
    """Serve until a signal; return 1 if serving has ended before one."""
    heard = _heard()
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
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
    failed = threading.Event()
    listener = inherited.listener if inherited else None
    try:
        running = runtime.serve(app, listener, functools.partial(_fail, failed))
    except SettingsError:
        runtime.close(app)
        raise
    log.info("listening on %s for %s", running.url, settings.public_url)
    if inherited is None:
        _say_where_codes_go(settings, running.messages_url)
    else:
        inherited.say_ready()
    _ease_collector()
    _wait_for_end(heard)
    log.info("stopping")
    running.stop()
    return int(failed.is_set())


def _fail(failed: threading.Event) -> None:
    """Have this process end, for whoever restarts it to see."""
    failed.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _ease_collector() -> None:
    # What start-up made stays: the collector need not look at it again.
    gc.freeze()
    # What requests make is nearly all freed as soon as nobody refers to it. The
    # collector looks for circles, and needs not look after each few of them.
    gc.set_threshold(20_000)
    gc.enable()


def _wait_for_end(heard: Set[signal.Signals]) -> None:
    ends = _what_ends()
    while not ends(signal.sigwait(heard)):
        # `systemctl reload`, say, which would kill who does not wait for it.
        log.warning("SIGHUP changes nothing: a restart takes new settings")


def _what_ends() -> Callable[[int], bool]:
    """Return what tells whether a signal, just now, is to end the server.

    A hang-up is if our terminal has been closed; somebody may also send one.
    """
    in_terminal = os.isatty(0)
    return lambda number: number in STOP_SIGNALS or (in_terminal and not os.isatty(0))


def _heard() -> Set[signal.Signals]:
    """Return the signals that mean something; under nohup no hang-up does."""
    by_nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return STOP_SIGNALS if by_nohup else STOP_SIGNALS | {signal.SIGHUP}


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
