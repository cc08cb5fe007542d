"""Putting the server together, starting it and stopping it.

    app = create_app(Settings(...))     opens the database, serves nobody
    running = serve(app)                listens; returns at once
    running.stop()                      finishes what was begun, closes all

Around an `App` run: the HTTP server's loop and threads, the hashing threads,
and one thread each that writes the database (SQLite), delivers messages, counts
and logs requests, and purges. Stopping goes the other way round,
outside in: no new requests, then no new messages, then the database.

Nothing is global, so a program may hold several apps, one after the other or
side by side, each with a database of its own.
"""

import functools
import importlib.util
import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from authserver import board, errors, keys, listening, tokens
from authserver.access import AccessBook
from authserver.app import App
from authserver.keys import Keyring
from authserver.metrics import Metrics
from authserver.passwords import derivation
from authserver.passwords.hasher import Hasher
from authserver.passwords.threads import HashingThreads
from authserver.ratelimit import Keeper, Limiter
from authserver.settings import Settings, SettingsError
from authserver.store import buckets, inspection
from authserver.store.database import Database, file_of, is_mysql, open_database
from authserver.web import endpoints, looks
from authserver.web.dispatch import Site
from authserver.web.server import Server

if TYPE_CHECKING:  # the first is loaded later, the second loads ssl
    from authserver.delivery.worker import Worker
    from authserver.web.certificate import Certificate

LOAD_AFTER_S = 0.1
START_AGAIN_S = 1.0  # where the system has no thread for the delivery
PURGE_EVERY_S = 600
# More could be at work for one account than it has tries (`budgets`), and then
# right passwords that arrive together would be refused.
MAX_HASHING = 8
DRAIN_S = 7.0  # requests in flight; with what follows it stays below ten
# Of which hashes may wait for their turn: then those that still do are refused.
HASHING_DRAIN_S = 5.0
# Said and not refused: who throws out a key that leaked means exactly this, and
# must not be kept from it; who took a wrong one loses no more than minutes.
OTHER_KEY = (
    "this is another key than the database was used with: codes and refreshes that "
    "are under way die. Unless that is meant, stop, and put the old key file or "
    "SECRET_KEY back, or behind the new one (SECRET_KEY=new,old)."
)

log = logging.getLogger("authserver.runtime")


def wall_clock() -> int:
    """Return the time in whole epoch seconds."""
    return int(time.time())


def create_app(
    settings: Settings,
    *,
    now: Callable[[], int] = wall_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> App:
    """Open everything that `settings` name.

    Raises `SettingsError`, `KeyFileError`, `DatabaseError`, each one sentence.
    """
    # What may refuse comes before anything is made.
    hasher = _hasher(settings)
    if settings.templates_dir:
        from authserver.delivery import templates

        templates.check(settings.templates_dir)
    own_looks = looks.read(settings)
    if settings.sms_configured and not importlib.util.find_spec("twilio"):
        raise SettingsError("twilio_sid", "needs the package twilio: install it first.")
    secrets = settings.secret_key or (_own_secret(settings),)
    for secret in secrets:
        weakness = keys.weakness(secret)
        if weakness:
            raise SettingsError("secret_key", weakness)
    keyring = Keyring(secrets)
    metrics, started = Metrics(), now()
    metrics.watch("started", lambda: {(): started})
    database = open_database(settings.database_url, now=now())
    _recognise(keyring, database, now=now())
    return App(
        settings=settings,
        database=database,
        hasher=hasher,
        hashing=HashingThreads(threads=_hashing_threads(settings)),
        keyring=keyring,
        verifiers={},
        limiter=_limiter(settings, database, now, monotonic),
        now=now,
        monotonic=monotonic,
        order=itertools.count().__next__,
        metrics=metrics,
        access=AccessBook(metrics),
        board=board.of(settings, tokens.new()),
        looks=own_looks,
        pages={},
        delivery_due=threading.Event(),
    )


class Background:
    """What goes on beside the requests of an app, from `start` to `stop`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stopping = threading.Event()
        # A daemon, so that a program that forgets `stop` can still end.
        self._thread = threading.Thread(
            target=self._run, name="background", daemon=True
        )

    def start(self) -> None:
        """Begin to log requests, and soon to deliver and to purge."""
        self._app.access.start()
        self._thread.start()

    def stop(self) -> None:
        """End all of it; what is under way is finished."""
        self._stopping.set()
        self._thread.join()
        self._app.access.stop()

    def _run(self) -> None:
        # While this thread loads, others wait for the interpreter; the first to
        # ask, who may be waiting for this server to come up, is answered first.
        if self._stopping.wait(LOAD_AFTER_S):
            return
        try:
            from authserver.delivery.worker import Worker
            from authserver.flows import purge

            endpoints.load()
            worker = Worker(self._app)
        except Exception:
            log.critical("not all could be loaded: install it anew", exc_info=True)
            return
        while not self._begins(worker):
            if self._stopping.wait(START_AGAIN_S):
                return
        self._purge(purge.run)
        worker.stop()

    @staticmethod
    def _begins(worker: "Worker") -> bool:
        try:
            worker.start()
        except RuntimeError as error:  # the system has no thread left
            log.error("nothing can be delivered yet: %s", error)  # noqa: TRY400 - told
            return False
        return True

    def _purge(self, run: Callable[..., object]) -> None:
        # Not at once: a restart under load has better things to do.
        while not self._stopping.wait(PURGE_EVERY_S):
            try:
                run(self._app, stopping=self._stopping.is_set)
            except Exception:
                log.exception("purging failed; it is tried again later")


class Running:
    """A server that listens, until `stop`."""

    def __init__(
        self, app: App, listener: socket.socket | None, failed: Callable[[], None]
    ) -> None:
        """Bind the port and start all threads; raises `SettingsError`."""
        settings = app.settings
        certificate = _certificate(app) if settings.encrypted else None
        try:
            self._server = Server(
                settings.host,
                settings.port,
                Site(app),
                trusted_proxies=settings.trusted_proxies,
                listener=listener,
                certificate=certificate,
            )
        except (OSError, UnicodeError) as error:
            raise listening.refused(settings, error) from error
        shared = self._server.shared
        shared.note = app.access.note
        # Nobody is told of what the next request does not see (`readers`).
        end_round = functools.partial(app.database.end_round, shared.wake)
        shared.end_round = end_round
        shared.at_leisure = app.access.work_up_slice
        shared.sweeping = app.database.give_up_old
        app.metrics.watch("connections", self._connections)
        app.metrics.watch("request_queue", lambda: {(): self._server.driver.queued})
        if settings.port == 0:
            app = app._replace(settings=settings.at_port(self._server.server_port))
            self._server.shared.site = Site(app)
        self._app = app
        self._failed = failed
        # A daemon, so that a program that forgets `stop` can still end.
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._background = Background(app)
        self._background.start()
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, for this machine to connect to."""
        host = self._app.settings.host
        bracketed = f"[{host}]" if ":" in host else host
        scheme = "https" if self._app.settings.encrypted else "http"
        return f"{scheme}://{bracketed}:{self._server.server_port}"

    @property
    def messages_url(self) -> str | None:
        """Where a browser may read what was not sent, or None."""
        shown = self._app.board
        return f"{self._app.settings.public_url}{shown.path}" if shown else None

    def stop(self) -> None:
        """Finish the requests in flight, then close everything."""
        late = threading.Timer(HASHING_DRAIN_S, self._app.hashing.refuse)
        late.daemon = True
        try:
            late.start()
        except RuntimeError:  # the system has no thread left to do it later
            self._app.hashing.refuse()
        self._server.stop(DRAIN_S)
        late.cancel()
        if late.is_alive():
            late.join()
        self._background.stop()
        self._thread.join()
        close(self._app)

    def _serve(self) -> None:
        try:
            self._server.serve_forever()
        except Exception:
            log.critical("nobody is served any more: restart it", exc_info=True)
            self._failed()

    def _connections(self) -> dict[tuple[str, ...], float]:
        counts = self._server.driver.counts()
        return {(state,): count for state, count in counts.items()}


def serve(
    app: App,
    listener: socket.socket | None = None,
    failed: Callable[[], None] = lambda: None,
) -> Running:
    """Start listening, and return what stops it again.

    With `listener`, a socket that listens already, HOST and PORT play no part.
    `failed` is called, by another thread, should serving end by itself.
    """
    return Running(app, listener, failed)


def close(app: App) -> None:
    """Let go of what `create_app` opened."""
    app.hashing.close()
    app.database.close()


def key_file(database_file: Path) -> Path:
    """Return where the secret key of an SQLite database lies."""
    if database_file.suffix == ".key":
        return Path(f"{database_file}.key")
    return database_file.with_suffix(".key")


def _own_secret(settings: Settings) -> bytes:
    """Return the key beside the database; make one for a new database only.

    A database whose key is missing was restored from a backup, or lost it: a
    new key would silently end all sessions and codes, so somebody must decide.
    """
    if is_mysql(settings.database_url):
        raise SettingsError(
            "secret_key",
            "is missing: with MySQL the key cannot lie beside the database. Make one "
            "with `openssl rand -base64 48`, the same for every process.",
        )
    database = file_of(settings.database_url)
    if not database.parent.is_dir():
        raise SettingsError(
            "database_url", f"names the folder {database.parent}, which does not exist."
        )
    return keys.load_or_create(key_file(database), may_create=not database.exists())


def _certificate(app: App) -> "Certificate":
    """Read what TLS takes; raises `SettingsError`."""
    from authserver.web import certificate  # loads ssl

    key = Path(app.settings.tls_key)
    found = certificate.Certificate(
        Path(app.settings.tls_cert), key, clock=app.monotonic
    )
    if certificate.open_to_everybody(key):
        log.warning("TLS_KEY is open to every user here. Run: chmod o= %s", key)
    return found


def _hashing_threads(settings: Settings) -> int:
    """Return our share of the machine's cores: one thread for each."""
    most = min(os.cpu_count() or 1, MAX_HASHING)
    return max(1, most // settings.workers)


def _limiter(
    settings: Settings,
    database: Database,
    now: Callable[[], int],
    monotonic: Callable[[], float],
) -> Limiter:
    if settings.limits == "database":
        return buckets.Shared(database, now)
    return Keeper(monotonic)


def _recognise(keyring: Keyring, database: Database, *, now: int) -> None:
    try:
        kids = database.read(inspection.list_latest_kids, now=now)
    except errors.Unavailable:
        return  # so will the first request find it
    if kids and not any(kid in keyring for kid in kids):
        log.warning(OTHER_KEY)


def _hasher(settings: Settings) -> Hasher:
    kind = settings.password_hasher
    if kind == "bcrypt" and derivation.missing(kind):
        log.warning("bcrypt is not installed: new passwords are hashed with scrypt")
        kind = "scrypt"
    lacking = derivation.missing(kind)
    if lacking:
        raise SettingsError("password_hasher", f"is {kind}, but {lacking}.")
    return Hasher(kind, bcrypt_rounds=settings.bcrypt_rounds)
