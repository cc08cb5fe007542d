"""The endpoint that shows what was not sent, to the person at the keyboard.

A code opens an account, so three things keep everybody else away. The address
holds a random token. `Host` must be PUBLIC_URL's: a proxy on this machine, by
which the world may come in, is a loopback peer too, and so is a page whose name
was made to point here (DNS rebinding). And who gets any of this wrong is told
what everybody is told who asks for an address that does not exist.
"""

import hmac

from authserver import errors, tokens
from authserver.app import App
from authserver.web import pages
from authserver.web.messages import OK, Request, Response


def show(app: App, request: Request) -> Response:
    """Show the messages that were printed and not sent."""
    if app.board is None or request.header("host") != _own_host(app):
        raise errors.NotFound("no such page")
    presented = tokens.digest(request.parameters["token"])
    # Digests, so that the time tells neither a beginning nor a length.
    if not hmac.compare_digest(presented, tokens.digest(app.board.token)):
        raise errors.NotFound("not the token of the console")
    if pages.wanted(request):
        return pages.page(app, request, "messages")
    shown = {"messages": app.board.newest_first()}
    return Response(OK, shown, headers=(pages.VARY,))


def _own_host(app: App) -> str:
    """Return what browsers send as Host that were given PUBLIC_URL."""
    return app.settings.origin.partition("://")[2]
