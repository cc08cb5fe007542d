"""Endpoints that describe the API: to programs, and to people."""

from authserver.app import App
from authserver.web.messages import OK, Request, Response


def document(app: App, _request: Request) -> Response:
    """Describe the API as an OpenAPI 3.1 document."""
    # Not needed by a server whom nobody asks; and it imports the route table.
    from authserver.web.api import openapi

    return Response(OK, body=openapi.encoded(app.settings.public_url))
