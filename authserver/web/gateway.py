"""Our site as a WSGI application (PEP 3333), under a server of somebody else.

    environ --> Request --> site --> Response --> start_response(...), [body]

The same site answers the same requests with the same bytes. What our own core
would refuse is refused here as far as WSGI lets us see it: a body announced by
no number or by one above 64 KiB; chunks that the server has not decoded; a body
that ends early; a method, path or host of odd characters. What it does not let
us see, and what `Expect` asks for, is up to the server in front:

* It has parsed the head, and nobody knows how strictly. It has joined headers
  that came twice, and made `X_Forwarded_For` and `X-Forwarded-For` one name.
* It has decoded the path, so that `/%6cogin` is `/login` here. (It is an
  unknown path otherwise.) Encoded again, it has one spelling at least.
* Deadlines, limits on heads and connections, and the drain at the end.

Who comes by a Unix socket has no address, whatever a server calls it, and
counts as 127.0.0.1.

So a server for the open Internet has to be chosen with care, or stands behind a
proxy that is strict; or is ours.

Unlike what PEP 3333 says, no header is removed from a request: `Connection`
and the like mean nothing to the site.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

from authserver import errors, logs, tokens
from authserver.access import Answered
from authserver.web import forwarded, head, refusals, wire
from authserver.web.connections import Site
from authserver.web.forwarded import Network, ProxyWarning
from authserver.web.messages import Request, Response

Environ = Mapping[str, Any]

_QUERY: Final = re.compile(r"[!-~]*")
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~"  # RFC 3986 section 3.3
_SERVERS_OWN: Final = ("Date", "Server", "Connection")
_THIS_MACHINE: Final = "127.0.0.1"

log: Final = logging.getLogger("authserver.web")


class StartResponse(Protocol):
    """What a server gives us to begin the answer with."""

    def __call__(
        self, status: str, headers: list[tuple[str, str]], /
    ) -> Callable[[bytes], object]:
        """Take status line and headers."""
        ...


class Gateway:
    """A WSGI application; `note` is told of each answer."""

    def __init__(
        self,
        site: Site,
        *,
        trusted_proxies: tuple[Network, ...],
        note: Callable[[Answered], None],
    ) -> None:
        self._site = site
        self._trusted = trusted_proxies
        self._warning = ProxyWarning(trusted_proxies)
        self._note = note

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        began_at, started = time.time(), time.monotonic()
        request_id = tokens.request_id()
        logs.request_id.set(request_id)
        peer, method, path = _peer(environ), "", ""
        address = peer
        try:
            request = self._request(environ, peer, request_id)
            address, method, path = request.address, request.method, request.path
            response = self._site.respond(request)
        except errors.AuthError as error:
            response = self._site.refuse(error, request_id)
        head_only = environ["REQUEST_METHOD"] == "HEAD"  # refused or not
        status, headers, body = _encoded(response, head_only=head_only)
        start_response(status, headers)
        took_s, code = time.monotonic() - started, int(status[:3])
        self._note(
            (
                began_at,
                address,
                method,
                path,
                response.route,
                code,
                len(body),
                took_s,
                request_id,
            )
        )
        return [body]

    def _request(self, environ: Environ, peer: str, request_id: str) -> Request:
        """Return the request, or raise what refuses it."""
        headers = _headers(environ)
        self._warning.look(peer, headers)
        method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
        head.check_method(method)
        if method == "CONNECT":
            raise errors.MalformedRequest("a tunnel")
        head.check_host(headers.get("host"))
        if not _QUERY.fullmatch(query) or "#" in query:
            raise errors.MalformedRequest("query is not printable ASCII")
        # PEP 3333: text whose characters stand for the bytes that were sent.
        path = quote(environ.get("PATH_INFO", "").encode("latin-1"), safe=_PATH_SAFE)
        if path == "*" and method != "OPTIONS":
            raise errors.MalformedRequest("target is no path")
        return Request(
            method,
            "*" if path == "*" else f"/{path.removeprefix('/')}",
            query,
            headers,
            _body(environ, headers),
            forwarded.client_address(
                peer, headers.get("x-forwarded-for"), self._trusted
            ),
            request_id,
        )


def _peer(environ: Environ) -> str:
    address = str(environ.get("REMOTE_ADDR", ""))
    return address if forwarded.is_address(address) else _THIS_MACHINE


def _headers(environ: Environ) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): str(value).strip(" \t")
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    # These two have names of their own, and may be there though empty.
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name].strip(" \t")
    return headers


def _body(environ: Environ, headers: Mapping[str, str]) -> bytes:
    """Return the whole body, or raise what refuses it."""
    length = headers.get("content-length")
    if length is None:
        if "transfer-encoding" not in headers:
            return b""
        # Chunks have no length; a server that decodes them tells their end.
        if not environ.get("wsgi.input_terminated"):
            raise errors.UnknownTransferCoding("not decoded by the server")
        return _read(environ, head.MAX_BODY_BYTES + 1)
    size = head.announced(length)
    body = _read(environ, size)
    if len(body) < size:
        raise errors.MalformedRequest("ended early")
    return body


def _read(environ: Environ, size: int) -> bytes:
    body = b""
    try:
        while len(body) < size and (
            part := environ["wsgi.input"].read(size - len(body))
        ):
            body += part
    except OSError as error:  # each server has its own for a client that left
        raise errors.MalformedRequest("ended early") from error
    if len(body) > head.MAX_BODY_BYTES:
        raise errors.BodyTooLarge("chunks add up")
    return body


def _encoded(
    response: Response, *, head_only: bool
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return status, headers and body, checked and worded as our core does."""
    try:
        data = wire.encode(response, keep_alive=True, head_only=head_only)
    except Exception:
        log.exception("an answer could not be written")
        data = refusals.bare_failure()
    beginning, _, body = data.partition(b"\r\n\r\n")
    status_line, *lines = beginning.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = [(name, value) for name, _, value in pairs if name not in _SERVERS_OWN]
    return status_line.partition(" ")[2], headers, body
