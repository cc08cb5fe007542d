"""The same routes under any WSGI server: `authserver.wsgi:application`.

    gunicorn --workers 1 --threads 32 authserver.wsgi:application
    waitress-serve --threads=32 authserver.wsgi:application

For those who run such a server anyway, or mount us beside other applications.
Who has the choice takes our own: it is faster, its parser is stricter, and it
keeps slow clients from holding threads (see `web.gateway` for what is lost).

Importing this module starts everything but the port: it reads the environment
and `.env`, sets up the log, opens the database, and begins to deliver and to
purge. What cannot work ends the import with one sentence. HOST, PORT and the
settings of our own server play no part; PUBLIC_URL must say what people type,
and TRUSTED_PROXIES what stands in front.

* **One process for SQLite**, which has one writer: a second one ends with a
  sentence, also the one that a graceful reload starts beside the first. So one
  worker process with threads, and a restart instead of a reload.
* **Several processes with MySQL**, and then LIMITS=database, or each counts
  for itself. So do the figures of /metrics.
* **After the fork.** Threads and database connections do not survive one, so
  a server must not load us before it forks (gunicorn's --preload): requests are
  then refused with an exception that says so.
* **Behind a proxy** TRUSTED_PROXIES decides what X-Forwarded-For is worth, and
  a Unix socket counts as 127.0.0.1. waitress has to be told to leave the header
  alone, with --no-clear-untrusted-proxy-headers.
* At the end of the process all is closed in order. When it is killed instead,
  nothing is lost that was answered. waitress is killed by SIGTERM, and ends in
  order by SIGINT.
"""

import atexit
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from authserver import logs, runtime
from authserver.settings import Settings
from authserver.web.dispatch import Site
from authserver.web.gateway import Environ, Gateway, StartResponse

log = logging.getLogger("authserver.wsgi")


class Application:
    """A whole authserver but for the port; raises as `runtime.create_app`."""

    def __init__(self, settings: Settings) -> None:
        self._process = os.getpid()
        # Nobody prints where a board of messages would be.
        self._app = runtime.create_app(settings)._replace(board=None)
        self._background = runtime.Background(self._app)
        self._gateway = Gateway(
            Site(self._app),
            trusted_proxies=settings.trusted_proxies,
            note=self._app.access.note,
        )
        self._background.start()

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if os.getpid() != self._process:
            raise RuntimeError(
                "authserver was loaded before the server forked (--preload); its "
                "threads and its database did not come along"
            )
        return self._gateway(environ, start_response)

    def close(self) -> None:
        """Finish what is under way, and close everything."""
        if os.getpid() == self._process:
            self._background.stop()
            runtime.close(self._app)


def _application() -> Application:
    settings = Settings.from_environment(dotenv=Path(".env"))
    handler = logs.set_up(form=settings.log_format, level=settings.log_level)
    atexit.register(logs.take_down, handler)
    handler.writer.start()
    for warning in settings.warnings:
        log.warning("%s", warning)
    application = Application(settings)
    atexit.register(application.close)  # the last one registered comes first
    return application


application = _application()
