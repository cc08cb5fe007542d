"""The route table: every path, what it takes, what it may refuse.

One row says it all: dispatch goes by it, bodies are validated by it, and tests
walk through it. The first path of a row is the canonical one; the others are
what older systems called the same thing. Common refusals (malformed body, too
large, cross-site, and the like) may come from every route and are not repeated.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING

from authserver import errors
from authserver.app import App
from authserver.settings import NAME
from authserver.web import endpoints, pages
from authserver.web.api import answers, bodies
from authserver.web.api.route import (
    ANYBODY,
    CALLER,
    LOGGED_IN,
    MEMORY,
    PROVEN,
    READ,
    STEPS,
    WAIT,
    WATCH,
    WATCHER,
    Route,
)
from authserver.web.messages import Request, Response

if TYPE_CHECKING:
    from authserver.web.endpoints import (
        accounts,
        documents,
        passwords,
        sessions,
        status,
        undelivered,
        verification,
    )
else:  # what is below them need not be loaded before the server listens
    accounts, documents, passwords, sessions, status, undelivered, verification = map(
        endpoints.Later, endpoints.MODULES
    )

REALM = NAME

ROUTES = (
    Route(
        "POST",
        ("/auth/register", "/register", "/auth/signup"),
        accounts.register,
        answers.REGISTERED,
        body=bodies.REGISTER,
        rules=(bodies.SOME_CONTACT,),
        refusals=(errors.RuleBroken, errors.UsernameTaken, errors.ContactTaken),
        limited=True,
        hashes="password",
    ),
    Route(
        "POST",
        ("/auth/password/check",),
        passwords.check,
        answers.CHECKED,
        body=bodies.CHECK_PASSWORD,
        refusals=(errors.TooManyRequests,),
    ),
    Route(
        "POST",
        ("/auth/otp", "/verify/send"),
        verification.send,
        answers.CODE_SENT,
        body=bodies.SEND_CODE,
        refusals=(errors.RuleBroken, errors.InvalidToken),
        credentials=ANYBODY,
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/verify-otp", "/otp"),
        verification.verify,
        answers.VERIFIED,
        body=bodies.VERIFY,
        refusals=(
            errors.RuleBroken,
            errors.InvalidCode,
            errors.InvalidToken,
            errors.UsernameTaken,
        ),
        credentials=ANYBODY,
        limited=True,
    ),
    Route(
        "POST",
        ("/verify/confirm",),
        verification.confirm,
        answers.VERIFIED,
        body=bodies.CONFIRM,
        rules=(bodies.LINK_OR_CODE, bodies.WHOSE_CODE),
        refusals=(
            errors.RuleBroken,
            errors.InvalidCode,
            errors.InvalidCredentials,
            errors.InvalidToken,
            errors.UsernameTaken,
        ),
        credentials=ANYBODY,
        limited=True,
        hashes="password",
    ),
    Route(
        "POST",
        ("/auth/login", "/login"),
        sessions.log_in,
        answers.LOGGED_IN,
        body=bodies.LOG_IN,
        rules=(bodies.ONE_PROOF,),
        refusals=(
            errors.RuleBroken,
            errors.InvalidCredentials,
            errors.InvalidCode,
            errors.ContactNotVerified,
            errors.SessionActive,
            errors.UsernameTaken,
        ),
        limited=True,
        hashes="password",
    ),
    Route(
        "POST",
        ("/auth/refresh-token", "/auth/refresh"),
        sessions.refresh,
        answers.REFRESHED,
        body=bodies.REFRESH,
        refusals=(errors.InvalidToken,),
        cost=STEPS,
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/logout", "/logout"),
        sessions.log_out,
        answers.LOGGED_OUT,
        body=bodies.LOG_OUT,
        refusals=LOGGED_IN,
        credentials=ANYBODY,
    ),
    Route(
        "POST",
        ("/auth/password/forgot", "/password/forgot", "/forgot-password"),
        passwords.forgot,
        answers.CODE_SENT,
        body=bodies.FORGOT,
        refusals=(errors.RuleBroken,),
        limited=True,
    ),
    Route(
        "POST",
        ("/validate-otp",),
        passwords.validate,
        answers.CODE_VALIDATED,
        body=bodies.VALIDATE,
        refusals=(errors.RuleBroken, errors.InvalidCode),
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/password/reset", "/password/reset", "/reset-password"),
        passwords.reset,
        answers.PASSWORD_RESET,
        body=bodies.RESET,
        rules=(bodies.WHOSE_CODE,),
        refusals=(errors.RuleBroken, errors.InvalidCode),
        credentials=PROVEN,
        limited=True,
        hashes="new_password",
    ),
    Route(
        "POST",
        ("/auth/password/change",),
        passwords.change,
        answers.PASSWORD_CHANGED,
        body=bodies.CHANGE_PASSWORD,
        refusals=(*LOGGED_IN, errors.RuleBroken, errors.InvalidCredentials),
        credentials=CALLER,
        limited=True,
        hashes="current_password",
    ),
    Route(
        "POST",
        ("/auth/contacts",),
        accounts.change_contact,
        answers.CODE_SENT,
        body=bodies.CHANGE_CONTACT,
        rules=(bodies.ONE_CONTACT,),
        refusals=(*LOGGED_IN, errors.RuleBroken, errors.InvalidCredentials),
        credentials=CALLER,
        limited=True,
        hashes="current_password",
    ),
    Route(
        "GET",
        ("/auth/me",),
        accounts.me,
        answers.ME,
        refusals=LOGGED_IN,
        credentials=CALLER,
        cost=READ,
    ),
    Route(
        "GET",
        ("/protected",),
        accounts.protected,
        answers.PROTECTED,
        refusals=LOGGED_IN,
        credentials=CALLER,
        cost=READ,
    ),
    Route(
        "POST",
        ("/protected",),
        accounts.protected,
        answers.PROTECTED,
        refusals=LOGGED_IN,
        credentials=CALLER,
        cost=READ,
    ),
    Route(
        "GET",
        ("/session/active",),
        sessions.active,
        answers.ACTIVE,
        refusals=LOGGED_IN,
        credentials=CALLER,
        cost=READ,
    ),
    Route(
        "GET",
        ("/sessions",),
        sessions.list_own,
        answers.SESSIONS,
        refusals=LOGGED_IN,
        credentials=CALLER,
    ),
    Route(
        "DELETE",
        ("/sessions",),
        sessions.end_others,
        answers.OTHERS_ENDED,
        refusals=LOGGED_IN,
        credentials=CALLER,
    ),
    Route(
        "DELETE",
        ("/sessions/{id}",),
        sessions.end_one,
        answers.ENDED,
        refusals=(*LOGGED_IN, errors.NotFound),
        credentials=CALLER,
    ),
    Route("GET", ("/openapi.json",), documents.document, answers.DOCUMENT),
    Route("GET", ("/docs",), pages.docs, answers.PAGE),
    Route("GET", ("/register",), pages.register, answers.PAGE, cost=MEMORY),
    Route("GET", ("/verify",), pages.verify, answers.PAGE, cost=MEMORY),
    Route("GET", ("/login",), pages.log_in, answers.PAGE, cost=MEMORY),
    Route("GET", ("/forgot",), pages.forgot, answers.PAGE, cost=MEMORY),
    Route("GET", ("/reset",), pages.reset, answers.PAGE, cost=MEMORY),
    Route("GET", ("/account",), pages.account, answers.PAGE, cost=MEMORY),
    Route(
        "GET",
        ("/.well-known/change-password",),
        pages.change_password,
        answers.ELSEWHERE,
        cost=MEMORY,
    ),
    Route(
        "GET",
        ("/static/{version}/{name}",),
        pages.asset,
        answers.ASSET,
        refusals=(errors.NotFound,),
        cost=MEMORY,
    ),
    Route("GET", ("/",), status.index, answers.INDEX, cost=MEMORY),
    Route(
        "GET",
        ("/messages/{token}",),
        undelivered.show,
        answers.UNDELIVERED,
        refusals=(errors.NotFound,),
        cost=MEMORY,
    ),
    Route("GET", ("/healthz",), status.alive, answers.HEALTHY, cost=MEMORY),
    Route("GET", ("/readyz",), status.ready, answers.HEALTHY),
    Route(
        "GET",
        ("/metrics",),
        status.metrics,
        answers.MEASURED,
        refusals=(errors.NotFound,),
        credentials=WATCHER,
        cost=WATCH,
    ),
    Route(
        "GET",
        ("/problems/{code}",),
        status.explain,
        answers.EXPLAINED,
        refusals=(errors.NotFound,),
    ),
)

_EXACT: dict[str, dict[str, Route]] = {}
# What stands before the parameters, which are the last one or two of a path.
_PREFIXED: dict[str, tuple[list[str], dict[str, Route]]] = {}
for _route in ROUTES:
    for _path in _route.paths:
        _prefix, _, _parameters = _path.partition("{")
        if _parameters:
            _names = _parameters.removesuffix("}").split("}/{")
            _PREFIXED.setdefault(_prefix, (_names, {}))[1][_route.method] = _route
        else:
            _EXACT.setdefault(_path, {})[_route.method] = _route
_COSTS = {
    (_method, _path): _route.cost
    for _path, _methods in _EXACT.items()
    for _method, _route in _methods.items()
}


def find(path: str) -> tuple[dict[str, Route], dict[str, str]]:
    """Return the routes of a path by method, and the path's parameters.

    Raises `NotFound`.
    """
    if path in _EXACT:
        return _EXACT[path], {}
    for count in (1, 2):
        prefix, *values = path.rsplit("/", count)
        names, methods = _PREFIXED.get(f"{prefix}/", ([], {}))
        if len(names) == len(values) == count and all(values):
            return methods, dict(zip(names, values, strict=True))
    raise errors.NotFound("no route")


def cost(method: str, path: str) -> str:
    """Return what answering takes, should there be such a route."""
    known = _COSTS.get((method, path))
    if known is not None:
        return known
    try:
        methods, _ = find(path)
    except errors.NotFound:
        return WAIT
    route = methods.get("GET" if method == "HEAD" else method)
    return route.cost if route else WAIT


def options(allow: tuple[str, ...]) -> Route:
    """Return the route that answers OPTIONS (RFC 9110 section 9.3.7)."""

    def answer(_app: App, _request: Request) -> Response:
        headers = (("Allow", ", ".join(allow)),)
        return Response(HTTPStatus.NO_CONTENT, headers=headers)

    return Route("OPTIONS", (), answer, answers.NOTHING)
