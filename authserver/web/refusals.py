"""Answers to what never became a request, and to whom there is no room for.

Bytes that are no HTTP, a head that came too late, one connection too many: no
route and no flow has anything to do with them, so the site only words the
refusal. Each of them ends its connection: what follows bytes that were not
understood must not become the next request.
"""

import contextlib
import logging
import socket
from http import HTTPStatus
from typing import Final

from authserver import errors, logs, tokens
from authserver.web import wire
from authserver.web.connections import Shared, Site
from authserver.web.messages import Response

log: Final = logging.getLogger("authserver.web")


def written(
    site: Site, error: errors.AuthError, request_id: str, *, head_only: bool = False
) -> bytes:
    """Return the answer to what never became a request; it closes."""
    try:
        response = site.refuse(error, request_id)
        return wire.encode(response, keep_alive=False, head_only=head_only)
    except Exception:
        log.exception("a refusal could not be written")
        return bare_failure()


def assign_request_id() -> str:
    """Draw the id of a request, and let its log lines have it."""
    request_id = tokens.request_id()
    logs.request_id.set(request_id)
    return request_id


def bare_failure() -> bytes:
    """Return the answer that needs nobody's words: making one has failed."""
    return wire.encode(Response(HTTPStatus.INTERNAL_SERVER_ERROR), keep_alive=False)


def turn_away(shared: Shared, client: socket.socket) -> None:
    """Answer 503 as far as that works without waiting, and close."""
    if shared.encrypted:  # an answer would cost more than we have to spare
        client.close()
        return
    error = errors.Unavailable("too many connections")
    with contextlib.suppress(OSError):
        client.settimeout(0)
        client.send(written(shared.site, error, assign_request_id()))
        client.shutdown(socket.SHUT_WR)
        # An unread request would turn our close into a reset.
        client.recv(64 * 1024)
    client.close()
