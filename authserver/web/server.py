"""Listening, accepting, stopping: the standard library's server, made to last.

`ThreadingHTTPServer` gives each connection a thread. What it lacks, and a
server in the open needs, is here:

* A backlog of 1,024. The standard 5 loses more than half of a thousand clients
  who connect at the same moment.
* A most for connections (see `connections`), with descriptors to spare for the
  database and the log. At the operating system's limit even `accept` fails, and
  as the listening socket stays ready, a loop that merely retries burns a core.
* No name look-ups. The standard library asks the DNS for its own name.
* A stop that finishes what was begun, within a bound, and leaves nothing.

    server = Server("127.0.0.1", 8080, site)
    threading.Thread(target=server.serve_forever).start()
    ...
    server.stop()        # from any thread but the one that serves
"""

import contextlib
import errno
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable
from http.server import ThreadingHTTPServer
from typing import Any, Final

from authserver import errors
from authserver.access import Answered
from authserver.web.connections import Connections
from authserver.web.forwarded import Network, ProxyWarning
from authserver.web.handler import Handler, Limits, Site, new_request_id, refusal

try:
    import resource
except ImportError:  # not on Windows, whose limit is far above ours
    resource = None  # type: ignore[assignment]  # the module or nothing

SPARE_DESCRIPTORS = 64  # for the database, the log, mail and the standard streams
RETRY_ACCEPT_S = 0.05  # when descriptors or memory ran out
LAST_WAIT_S = 1.0  # for threads whose sockets were closed under them

_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_DEFAULT_LIMITS: Final = Limits()

log: Final = logging.getLogger("authserver.web")


class Server(ThreadingHTTPServer):
    """Serves a site on one address. Port 0 takes a free one: `server_port`."""

    daemon_threads = True  # `stop` waits for them; a hanging one dies with us
    request_queue_size = 1024

    def __init__(
        self,
        host: str,
        port: int,
        site: Site,
        *,
        trusted_proxies: Iterable[Network] = (),
        limits: Limits = _DEFAULT_LIMITS,
        listener: socket.socket | None = None,
    ) -> None:
        """Bind and listen; connections wait until `serve_forever` runs.

        With `listener`, a bound socket that other processes may share, host and
        port play no part.
        """
        self.site = site
        self.note: Callable[[Answered], None] = lambda _: None  # of every answer
        self.limits = limits
        self.trusted_proxies = tuple(trusted_proxies)
        self.proxy_warning = ProxyWarning(self.trusted_proxies)
        self.connections = Connections(_most_connections(limits.connections))
        self._state = threading.Lock()
        self._serving = False
        self._stopping = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = listener
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Bind without asking the DNS for our name, or take what is bound."""
        if self._listener is not None:
            self.socket.close()
            self.socket = self._listener
            # Several processes see a connection come, and one of them gets it.
            self.socket.settimeout(0)
            self.server_address = self.socket.getsockname()
        else:
            if self.address_family == socket.AF_INET6:
                # "::" means every address of the machine, also those of IPv4.
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = self.server_address[1]

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accept connections until `stop`."""
        with self._state:
            if self._stopping.is_set():
                return
            self._serving = True
        super().serve_forever(poll_interval)

    def stop(self, drain_s: float = 10.0) -> None:
        """Stop accepting, finish the requests in flight, close everything.

        Idle connections close at once; after `drain_s` all others do.
        """
        with self._state:
            self._stopping.set()
            serving = self._serving
        if serving:
            # Wakes the accept loop where a listening socket can be shut down; a
            # shared one would be shut down for all who share it.
            if self._listener is None:
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RDWR)
            self.shutdown()
        self.server_close()
        threads = self.connections.drain()
        _join(threads, drain_s)
        self.connections.close_all()
        _join(threads, LAST_WAIT_S)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; pause when descriptors or memory ran out."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                log.warning("cannot accept connections: %s", error)
                self.connections.make_room()
                self._stopping.wait(RETRY_ACCEPT_S)
            raise

    # TCP servers are given sockets; the base class also allows for datagrams.

    def process_request(  # type: ignore[override]  # see above
        self, request: socket.socket, client_address: object
    ) -> None:
        """Give a new connection its thread, or turn it away."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            daemon=True,
        )
        if not self.connections.admit(request, thread):
            self._turn_away(request)
            return
        try:
            thread.start()
        except RuntimeError:
            log.exception("no thread for a connection")
            self._turn_away(request)

    def close_request(  # type: ignore[override]  # see above
        self, request: socket.socket
    ) -> None:
        """Close a connection's socket, then give back its place."""
        super().close_request(request)
        self.connections.closed(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log a bug in the handler; the other connections do not notice."""
        # The base class calls this from inside its except clause.
        log.exception("%s from %s failed", request, client_address)  # noqa: LOG004

    def _turn_away(self, connection: socket.socket) -> None:
        """Answer 503 as far as that works without waiting, and close."""
        error = errors.Unavailable("too many connections")
        with contextlib.suppress(OSError):
            connection.settimeout(0)
            connection.send(refusal(self.site, error, new_request_id()))
            # An unread request would turn our close into a reset.
            connection.recv(64 * 1024)
        self.shutdown_request(connection)


def _most_connections(wanted: int) -> int:
    if resource is None:
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - SPARE_DESCRIPTORS))


def _join(threads: list[threading.Thread], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
