"""The route table: every path, what it takes, what it may refuse.

One row says it all: dispatch goes by it, bodies are validated by it, and tests
walk through it. The first path of a row is the canonical one; the others are
what older systems called the same thing. Common refusals (malformed body, too
large, cross-site, and the like) may come from every route and are not repeated.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from authserver import errors
from authserver.app import App
from authserver.settings import NAME
from authserver.web.endpoints import accounts, passwords, sessions, status, verification
from authserver.web.fields import Field, OtpField
from authserver.web.messages import Request, Response

REALM = NAME

Refusals = tuple[type[errors.AuthError], ...]

COMMON: Refusals = (
    errors.MalformedRequest,  # one of our cookies sent twice
    errors.InvalidBody,
    errors.UnsupportedMediaType,
    errors.CrossSite,
    errors.Unavailable,
)
LOGGED_IN: Refusals = (errors.NotAuthenticated, errors.InvalidToken)


class Route(NamedTuple):
    """A method, the paths it is known by, and how it is answered.

    `limited`: counts against the address's requests per minute. `hashes`: with
    this field in the body the endpoint computes a password hash, so it runs
    whole on a hashing thread.
    """

    method: str
    paths: tuple[str, ...]
    endpoint: Callable[[App, Request], Response]
    body: tuple[Field, ...] = ()
    refusals: Refusals = ()
    limited: bool = False
    hashes: str | None = None

    @property
    def raises(self) -> Refusals:
        """Every class of refusal that this route may answer with."""
        limit: Refusals = (errors.TooManyRequests,) if self.limited else ()
        return (*COMMON, *limit, *self.refusals)


ALICE = "alice@example.org"
PASSWORD = "correct horse battery"  # noqa: S105 - an example for readers
IDENTIFIER = Field(
    "identifier", ALICE, aliases=("email", "phone", "mobile_number"), required=True
)
ANY_IDENTIFIER = Field(
    "identifier",
    "alice",
    aliases=("username", "email", "phone", "mobile_number"),
    required=True,
)
OPTIONAL_IDENTIFIER = Field(
    "identifier", ALICE, aliases=("username", "email", "phone", "mobile_number")
)
OTP = OtpField("otp", "123456")
REQUIRED_OTP = OtpField("otp", "123456", required=True)
REGISTRATION_ID = Field("id", "019b2f7e-0000-7000-8000-000000000000")
REFRESH_TOKEN = Field("refresh_token", "n0t-a-real-token")

ROUTES = (
    Route(
        "POST",
        ("/auth/register", "/register", "/auth/signup"),
        accounts.register,
        body=(
            Field("username", "alice", aliases=("name",), required=True),
            Field("password", PASSWORD, aliases=("pwd",), required=True),
            Field("email", ALICE),
            Field("phone", "+442079460018", aliases=("mobile_number",)),
            Field("confirm_password", PASSWORD),
        ),
        refusals=(errors.RuleBroken, errors.UsernameTaken, errors.ContactTaken),
        limited=True,
        hashes="password",
    ),
    Route(
        "POST",
        ("/auth/otp", "/verify/send"),
        verification.send,
        body=(
            IDENTIFIER,
            Field("purpose", "verify", choices=("verify", "login", "reset")),
            REGISTRATION_ID,
        ),
        refusals=(errors.RuleBroken, errors.InvalidToken),
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/verify-otp", "/otp"),
        verification.verify,
        body=(IDENTIFIER, REQUIRED_OTP, REGISTRATION_ID),
        refusals=(
            errors.RuleBroken,
            errors.InvalidCode,
            errors.InvalidToken,
            errors.UsernameTaken,
        ),
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/login", "/login"),
        sessions.log_in,
        body=(
            ANY_IDENTIFIER,
            Field("password", PASSWORD, aliases=("pwd",)),
            OTP,
            Field("replace_session", example=False),
            Field("cookie_only", example=False),
        ),
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
        body=(Field("refresh_token", "n0t-a-real-token", required=True),),
        refusals=(errors.InvalidToken,),
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/logout", "/logout"),
        sessions.log_out,
        body=(Field("everywhere", example=False), REFRESH_TOKEN),
        refusals=LOGGED_IN,
    ),
    Route(
        "POST",
        ("/auth/password/forgot", "/password/forgot", "/forgot-password"),
        passwords.forgot,
        body=(ANY_IDENTIFIER,),
        refusals=(errors.RuleBroken,),
        limited=True,
    ),
    Route(
        "POST",
        ("/validate-otp",),
        passwords.validate,
        body=(ANY_IDENTIFIER, REQUIRED_OTP),
        refusals=(errors.RuleBroken, errors.InvalidCode),
        limited=True,
    ),
    Route(
        "POST",
        ("/auth/password/reset", "/password/reset", "/reset-password"),
        passwords.reset,
        body=(
            Field("new_password", PASSWORD, required=True),
            Field("token", "n0t-a-real-token", aliases=("reset_token",)),
            OPTIONAL_IDENTIFIER,
            OTP,
        ),
        refusals=(errors.RuleBroken, errors.InvalidCode),
        limited=True,
        hashes="new_password",
    ),
    Route(
        "POST",
        ("/auth/password/change",),
        passwords.change,
        body=(
            Field("current_password", PASSWORD, required=True),
            Field("new_password", "another good phrase", required=True),
        ),
        refusals=(*LOGGED_IN, errors.RuleBroken, errors.InvalidCredentials),
        limited=True,
        hashes="current_password",
    ),
    Route(
        "POST",
        ("/auth/contacts",),
        accounts.change_contact,
        body=(
            Field("email", ALICE),
            Field("phone", "+442079460018", aliases=("mobile_number",)),
            Field("current_password", PASSWORD, required=True),
        ),
        refusals=(*LOGGED_IN, errors.RuleBroken, errors.InvalidCredentials),
        limited=True,
        hashes="current_password",
    ),
    Route("GET", ("/auth/me",), accounts.me, refusals=LOGGED_IN),
    Route("GET", ("/protected",), accounts.protected, refusals=LOGGED_IN),
    Route("POST", ("/protected",), accounts.protected, refusals=LOGGED_IN),
    Route("GET", ("/session/active",), sessions.active, refusals=LOGGED_IN),
    Route("GET", ("/sessions",), sessions.list_own, refusals=LOGGED_IN),
    Route("DELETE", ("/sessions",), sessions.end_others, refusals=LOGGED_IN),
    Route(
        "DELETE",
        ("/sessions/{id}",),
        sessions.end_one,
        refusals=(*LOGGED_IN, errors.NotFound),
    ),
    Route("GET", ("/",), status.index),
    Route("GET", ("/healthz",), status.alive),
    Route("GET", ("/readyz",), status.ready),
    Route("GET", ("/problems/{code}",), status.explain, refusals=(errors.NotFound,)),
)

_EXACT: dict[str, dict[str, Route]] = {}
_PREFIXED: dict[str, tuple[str, dict[str, Route]]] = {}  # one trailing parameter
for _route in ROUTES:
    for _path in _route.paths:
        _prefix, _, _parameter = _path.partition("{")
        if _parameter:
            _name = _parameter.removesuffix("}")
            _PREFIXED.setdefault(_prefix, (_name, {}))[1][_route.method] = _route
        else:
            _EXACT.setdefault(_path, {})[_route.method] = _route


def find(path: str) -> tuple[dict[str, Route], dict[str, str]]:
    """Return the routes of a path by method, and the path's parameters.

    Raises `NotFound`.
    """
    if path in _EXACT:
        return _EXACT[path], {}
    prefix, slash, last = path.rpartition("/")
    if prefix + slash not in _PREFIXED or not last:
        raise errors.NotFound("no route")
    name, methods = _PREFIXED[prefix + slash]
    return methods, {name: last}


def options(allow: tuple[str, ...]) -> Route:
    """Return the route that answers OPTIONS (RFC 9110 section 9.3.7)."""

    def answer(_app: App, _request: Request) -> Response:
        headers = (("Allow", ", ".join(allow)),)
        return Response(HTTPStatus.NO_CONTENT, headers=headers)

    return Route("OPTIONS", (), answer)
