"""Endpoints about the server itself: name, health, explanations."""

from authserver import errors
from authserver.app import App
from authserver.flows import health
from authserver.settings import NAME, VERSION
from authserver.web import credentials, pages
from authserver.web.api import answers
from authserver.web.messages import OK, Request, Response


def index(app: App, request: Request) -> Response:
    """Say what this is: a page for browsers, JSON for programs."""
    if pages.wanted(request):
        return pages.page(app, request, "home")
    told = {"status": "ok", "name": NAME, "version": VERSION}
    return Response(OK, told, headers=(pages.VARY,))


def alive(_app: App, _request: Request) -> Response:
    """Say that the process answers."""
    return Response(OK, {"status": "ok"})


def ready(app: App, _request: Request) -> Response:
    """Say that the database answers as well."""
    health.check_database(app)
    return Response(OK, {"status": "ok"})


def metrics(app: App, request: Request) -> Response:
    """Tell figures to whoever watches the server, and to nobody else.

    The bearer token is METRICS_TOKEN. Without it this address is like one that
    does not exist.
    """
    if not credentials.is_watcher(app, request):
        raise errors.NotFound("not the token of METRICS_TOKEN")
    # Not needed by a server whom nobody watches.
    from authserver import exposition
    from authserver.flows import figures

    return Response(
        OK,
        body=exposition.text(figures.gather(app)).encode(),
        content_type=answers.FIGURES,
    )


def explain(app: App, request: Request) -> Response:
    """Explain a problem: what the `type` of an error body leads to."""
    for refusal in errors.every():
        if refusal.code == request.parameters["code"]:
            if pages.wanted(request):
                return pages.problem(app, request, refusal.code, refusal.status)
            return Response(
                OK,
                {
                    "code": refusal.code,
                    "status": int(refusal.status),
                    "title": refusal.status.phrase,
                    "detail": refusal.message,
                },
                headers=(pages.VARY,),
            )
    raise errors.NotFound("no such problem")
