"""From a request to a response: the one way through the house.

    1. route        404, or 405 with Allow
    2. cross-site   403: a page of another site sent the browser here
    3. body         415, 400: JSON by the route's declaration
    4. limit        429: too many costly requests from this address
    5. endpoint     on this thread, in steps, or whole on a hashing thread
    6. refusal      every `AuthError` becomes one form of body, here only

Whatever happens becomes a response with the security headers; nothing raises.

Cross-site requests are told by what browsers say of themselves. Fetch metadata
first; older browsers at least send Origin with a POST. A request with neither
comes from a program, which no web page can make send somebody's cookies. Pages
of ALLOWED_ORIGINS may ask for anything: they ask without cookies (`cors`).
"""

import functools
import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from authserver import errors, logs
from authserver.app import App
from authserver.flows import budgets, places, steps
from authserver.web import cors, json_body, pages
from authserver.web.api import fields, routes
from authserver.web.api.route import (
    CHANGING,
    MEMORY,
    READ,
    STEPS,
    WAIT,
    WATCH,
    Route,
)
from authserver.web.connections import AT_ONCE, IN_STEPS, WAITING, WATCHING
from authserver.web.messages import Header, Request, Response

log = logging.getLogger("authserver.dispatch")

PROBLEM_JSON = "application/problem+json"  # RFC 9457 section 3
SECURITY_HEADERS: tuple[Header, ...] = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


class Site:
    """What the HTTP core talks to: answers requests, words refusals."""

    def __init__(self, app: App) -> None:
        self._app = app
        # A file is read at once, and written by another thread; a database
        # elsewhere is waited for, also by limits that are kept there.
        waits, limits = app.database.reads_wait, app.settings.limits == "database"
        self._manners = {
            MEMORY: AT_ONCE,
            READ: WAITING if waits else AT_ONCE,
            STEPS: WAITING if waits or limits else IN_STEPS,
            WAIT: WAITING,
            WATCH: WATCHING,
        }
        https = app.settings.https
        self._headers = (*SECURITY_HEADERS, HSTS) if https else SECURITY_HEADERS

    def manner(self, request: Request) -> int:
        """Tell how the request is answered."""
        return self._manners[routes.cost(request.method, request.path)]

    def answer(
        self,
        request: Request,
        reply: Callable[[Response], None],
        *,
        in_steps: bool = False,
    ) -> None:
        """Call `reply`: now, at a round's end, or from a hashing thread."""
        route = None
        request = cors.received(self._app.settings, request)
        try:
            route, request = _routed(request)
            request = _admitted(self._app, route, request)
            if route.hashes and request.values[route.hashes] is not None:
                self._hand_over(route, request, reply)
                return
            answer = route.endpoint(self._app, request)
            if isinstance(answer, Response):
                response = answer
            elif in_steps:
                done = functools.partial(self._done, route, request, reply)
                steps.start(self._app.database, answer, done)
                return
            else:
                response = steps.run(self._app.database, answer)
        except Exception as error:  # noqa: BLE001 - it is answered, and logged
            response = self._refused(route, request, error)
        reply(self._finished(route, request, response))

    def respond(self, request: Request) -> Response:
        """Answer a request; for callers that wait for it."""
        answered: queue.SimpleQueue[Response] = queue.SimpleQueue()
        self.answer(request, answered.put)
        return answered.get()

    def turn_down(self, request: Request, error: errors.AuthError) -> Response:
        """Refuse a request that there is no time for."""
        request = cors.received(self._app.settings, request)
        return self._finished(None, request, self._refused(None, request, error))

    def refuse(self, error: errors.AuthError, request_id: str) -> Response:
        """Answer bytes that never became a request."""
        self._app.metrics.count("refused", error.code)
        log.info("refused: %s (%s)", error.code, error.detail)
        response = self._complete(refusal(self._app, error, request_id), request_id)
        if isinstance(error, errors.TlsExpected):
            # RFC 6797 section 7.2: not to whom does not speak TLS.
            return response._replace(standing=SECURITY_HEADERS)
        return response

    def _hand_over(
        self, route: Route, request: Request, reply: Callable[[Response], None]
    ) -> None:
        """Let a hashing thread run the endpoint and reply."""

        def answer(done: "Future[Any]") -> None:
            # Asked for, not raised: a traceback would hold the request, and so
            # the password, in a circle with this frame.
            error = done.exception()
            result = done.result() if error is None else None
            self._done(route, request, reply, result, error)

        place = places.network(request.address)  # else a /64 has 2**64 shares
        job = self._app.hashing.submit(place, route.endpoint, self._app, request)
        job.add_done_callback(answer)

    def _done(
        self,
        route: Route,
        request: Request,
        reply: Callable[[Response], None],
        response: Response | None,
        error: BaseException | None,
    ) -> None:
        """Reply with what an endpoint returned or raised in the end."""
        logs.request_id.set(request.request_id)  # a hashing thread knows nobody's
        try:
            if response is None:
                error = error or TypeError("an endpoint without an answer")
                response = self._refused(route, request, error)
            response = self._finished(route, request, response)
        except Exception:  # whoever called has nobody to tell
            log.exception("%s %s could not go on", request.method, request.path_to_log)
            response = Response(HTTPStatus.INTERNAL_SERVER_ERROR)
        reply(response)

    def _refused(
        self, route: Route | None, request: Request, error: BaseException
    ) -> Response:
        if not isinstance(error, errors.AuthError):
            # A bug. The client learns nothing, the log gets the traceback.
            log.error(
                "%s %s failed",
                request.method,
                request.path_to_log,
                exc_info=error,
            )
            return refusal(self._app, errors.InternalError(), request.request_id)
        if route is not None and not isinstance(error, route.raises):
            log.error("%s raised undeclared %s", request.path_to_log, error.code)
        self._app.metrics.count("refused", error.code)
        log.info("%s refused: %s (%s)", request.path_to_log, error.code, error.detail)
        if isinstance(error, errors.NotFound) and pages.wanted(request):
            return pages.missing(self._app, request)
        return refusal(self._app, error, request.request_id)

    def _finished(
        self, route: Route | None, request: Request, response: Response
    ) -> Response:
        response = cors.answered(self._app.settings, request, response)
        path = route.paths[0] if route is not None and route.paths else ""
        return self._complete(response, request.request_id, path)

    def _complete(
        self, response: Response, request_id: str, route: str = ""
    ) -> Response:
        headers, ours = response.headers, self._headers
        if headers:
            # A page brings a policy of its own; of two, both would count.
            own = dict(headers)
            ours = tuple(each for each in ours if each[0] not in own)
        status, payload, _, body, content_type, _, _ = response
        headers = (*headers, ("X-Request-Id", request_id))
        return Response(status, payload, headers, body, content_type, route, ours)


def refusal(app: App, error: errors.AuthError, request_id: str) -> Response:
    """Word a refusal by RFC 9457; the only place that does."""
    payload = problem(app.settings.public_url, error, request_id)
    headers: list[Header] = []
    if error.status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750 section 3.1: no error code when no credential was sent.
        challenge = f'Bearer realm="{routes.REALM}"'
        if isinstance(error, errors.InvalidToken):
            challenge += f', error="{error.code}"'
        headers.append(("WWW-Authenticate", challenge))
    if error.retry_after_s is not None:
        headers.append(("Retry-After", str(max(1, error.retry_after_s))))
    if isinstance(error, errors.UnsupportedContentCoding):
        headers.append(("Accept-Encoding", "identity"))  # RFC 9110 section 15.5.16
    if error.allow:
        headers.append(("Allow", ", ".join(error.allow)))
    return Response(
        error.status, payload, headers=tuple(headers), content_type=PROBLEM_JSON
    )


def problem(
    public_url: str, error: errors.AuthError, request_id: str
) -> dict[str, Any]:
    """Return the members of a problem (RFC 9457 section 3.1)."""
    payload: dict[str, Any] = {
        "type": f"{public_url}/problems/{error.code}",
        "title": error.status.phrase,
        "status": int(error.status),
        "detail": error.message,
        "code": error.code,
        "request_id": request_id,
    }
    if error.faults:
        payload["errors"] = [fault._asdict() for fault in error.faults]
    return payload


def _routed(request: Request) -> tuple[Route, Request]:
    """Find the route; raise `NotFound` or `MethodNotAllowed`."""
    if request.path == "*":  # RFC 9110 section 9.3.7: about the server as a whole
        known = {each.method: each for each in routes.ROUTES}
        return routes.options(_allowed(known)), request
    methods, parameters = routes.find(request.path)
    route = methods.get(request.method) or _other(request, methods)
    if parameters:
        request = request._replace(parameters=parameters)
    return route, request


def _other(request: Request, methods: dict[str, Route]) -> Route:
    """Return the route of a method that is not in the table.

    One that no path has is refused like one that this path has not: Allow tells
    more than the 501 of RFC 9110 section 9.1.
    """
    # HEAD is GET without the body, which the HTTP core leaves out.
    if request.method == "HEAD" and "GET" in methods:
        return methods["GET"]
    allow = _allowed(methods)
    if request.method == "OPTIONS":
        return routes.options(allow)
    raise errors.MethodNotAllowed(request.method, allow=allow)


def _allowed(methods: dict[str, Route]) -> tuple[str, ...]:
    head = {"HEAD"} if "GET" in methods else set()
    return tuple(sorted({*methods, *head, "OPTIONS"}))


def _admitted(app: App, route: Route, request: Request) -> Request:
    """Check what may refuse a request before its endpoint runs."""
    if request.method in CHANGING:
        _check_origin(app, request)
        request = request._replace(values=_values(route, request))
    if route.limited:
        budgets.admit_request(app, request.caller())
    return request


def _check_origin(app: App, request: Request) -> None:
    if request.foreign:
        return
    site = request.header("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise errors.CrossSite("by Sec-Fetch-Site")
        return
    origin = request.header("origin")
    if origin is not None and origin != app.settings.origin:
        raise errors.CrossSite("by Origin")


def _values(route: Route, request: Request) -> dict[str, Any]:
    # A form or text/plain needs no leave of the browser to be sent here.
    media_type = request.header("content-type")
    if request.body and request.header("content-encoding") not in (None, "identity"):
        raise errors.UnsupportedContentCoding
    if request.body and not json_body.media_type_is_json(media_type):
        raise errors.UnsupportedMediaType("not JSON")
    return fields.read(route.body, json_body.decode(request.body), route.rules)
