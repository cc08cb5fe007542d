"""Listening, serving, stopping: the standard library's server, made to last.

`ThreadingHTTPServer` gives each connection a thread. Where the system has a
poller (`poller`), this one gives them to one loop instead (`loop`), and where
it has none, each its thread: the same connections, driven another way. What it
adds in both cases, as a server in the open needs it:

* A backlog of 1,024. The standard 5 loses more than half of a thousand clients
  who connect at the same moment.
* A most for connections, with descriptors to spare for the database and the
  log. At the operating system's limit even `accept` fails.
* No name look-ups. The standard library asks the DNS for its own name.
* A stop that finishes what was begun, within a bound, and leaves nothing.

    server = Server("127.0.0.1", 8080, site)
    threading.Thread(target=server.serve_forever).start()
    ...
    server.stop()        # from any thread but the one that serves
"""

import contextlib
import functools
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, cast

from authserver import listening
from authserver.web import poller
from authserver.web.connections import Limits, Shared, Site
from authserver.web.door import EXHAUSTED, RETRY_ACCEPT_S
from authserver.web.forwarded import Network
from authserver.web.handler import Connection
from authserver.web.loop import Loop
from authserver.web.threads import Threads

if TYPE_CHECKING:  # loads ssl
    from authserver.web.certificate import Certificate

try:
    import resource
except ImportError:  # not on Windows, whose limit is far above ours
    resource = None  # type: ignore[assignment]  # the module or nothing

SPARE_DESCRIPTORS = 64  # for the database, the log, mail and the standard streams

FEW_CONNECTIONS = 100  # a page opens six

_DEFAULT_LIMITS: Final = Limits()

log: Final = logging.getLogger("authserver.web")


class Handler(socketserver.BaseRequestHandler):
    """What the standard library runs in a connection's own thread."""

    server: "Server"

    def handle(self) -> None:
        """Serve the connection to its end."""
        # Only where there is no loop does the base class ask for a handler.
        cast(Threads, self.server.driver).drive(self.request, self.client_address[0])


class Server(ThreadingHTTPServer):
    """Serves a site on one address. Port 0 takes a free one: `server_port`.

    `make_poller` returns what the loop waits with, or None for a thread each.
    """

    daemon_threads = True  # `stop` waits for them; a hanging one dies with us
    request_queue_size = listening.BACKLOG

    def __init__(  # noqa: PLR0913 - all that a server can be told
        self,
        host: str,
        port: int,
        site: Site,
        *,
        trusted_proxies: Iterable[Network] = (),
        limits: Limits = _DEFAULT_LIMITS,
        listener: socket.socket | None = None,
        certificate: "Certificate | None" = None,
        make_poller: Callable[[], poller.Poller | None] = poller.best,
    ) -> None:
        """Bind and listen; connections wait until `serve_forever` runs.

        With `listener`, a bound socket that other processes may share, host and
        port play no part. With `certificate` clients must speak TLS.
        """
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = listener
        super().__init__((host, port), Handler)
        self._state = threading.Lock()
        self._serving = False
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self.shared = Shared(
            site, limits, tuple(trusted_proxies), _most_connections(limits.connections)
        )
        self.shared.connect = Connection
        if certificate is not None:
            from authserver.web.tls import TlsConnection

            self.shared.connect = functools.partial(TlsConnection, certificate)
            self.shared.encrypted = True
        found = make_poller()
        self.driver: Loop | Threads
        if found is None:
            self.driver = Threads(self.shared)
        else:
            self.driver = Loop(self.shared, self.socket, found)

    def server_bind(self) -> None:
        """Bind without asking the DNS for our name, or take what is bound."""
        if self._listener is not None:
            if self._listener.family not in (socket.AF_INET, socket.AF_INET6):
                raise ValueError("limits are counted by address: a TCP socket, please")
            self.socket.close()
            self.socket = self._listener
            # Several processes see a connection come, and one of them gets it.
            self.socket.settimeout(0)
            self.server_address = self.socket.getsockname()
        else:
            listening.take_both_families(self.socket)
            socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = self.server_address[1]

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until `stop`."""
        with self._state:
            if self._stopping.is_set():
                return
            self._serving = True
        try:
            if isinstance(self.driver, Loop):
                self.driver.run()
            else:
                super().serve_forever(poll_interval)
        finally:
            self._stopped.set()

    def stop(self, drain_s: float = 10.0) -> None:
        """Stop accepting, finish the requests in flight, close everything.

        Idle connections have a last moment first; after `drain_s` all close.
        """
        with self._state:
            self._stopping.set()
            serving = self._serving
        if serving and isinstance(self.driver, Threads):
            # Wakes the accept loop where a listening socket can be shut down; a
            # shared one would be shut down for all who share it.
            if self._listener is None:
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RDWR)
            self.shutdown()
            self.server_close()
        self.driver.stop(drain_s)
        if serving:
            self._stopped.wait()
        elif isinstance(self.driver, Loop):
            self.driver.close()
        self.server_close()

    # What follows is for a thread per connection.

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; pause when descriptors or memory ran out."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in EXHAUSTED:
                log.warning("cannot accept connections: %s", error)
                self.driver.make_room()
                self._stopping.wait(RETRY_ACCEPT_S)
            raise

    def server_close(self) -> None:
        """Close the listening socket; `stop` waits for the threads."""
        socketserver.TCPServer.server_close(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a bug in the handler; the other connections do not notice."""
        # The base class calls this from inside its except clause.
        log.exception("%s from %s failed", request, client_address)  # noqa: LOG004


def raise_descriptor_limit(connections: int = _DEFAULT_LIMITS.connections) -> None:
    """Let this process open as many descriptors as so many connections need.

    Systems give a program 1,024 and let it ask for more: an old custom, from
    when `select` could wait for no others. For who owns the process.
    """
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _most_connections(wanted: int) -> int:
    if resource is None:
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    most = min(wanted, max(soft - SPARE_DESCRIPTORS, soft // 2))
    if most < FEW_CONNECTIONS:
        log.warning(
            "only %d connections fit below the limit of open files (ulimit -n %d); "
            "a newcomer takes the place of who is idle, or is refused.",
            most,
            soft,
        )
    return max(1, most)
