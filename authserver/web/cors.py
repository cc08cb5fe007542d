"""Pages of other origins that may use the API (CORS; the Fetch standard).

A browser lets a page of https://app.example.org read our answers only if they
name that origin, and asks by a preflight -- an OPTIONS request -- before it
sends JSON or a token:

    OPTIONS /auth/login                   204
    Origin: https://app.example.org       Access-Control-Allow-Origin: the same
    Access-Control-Request-Method: POST   Access-Control-Allow-Methods: POST ...

ALLOWED_ORIGINS lists who may, and an origin is compared as a whole, byte for
byte. Answers that echo whatever Origin they get, or match a part of it, have
opened many servers to all the world (CVE-2024-41657); "null" is what any
sandboxed page calls itself.

Those pages speak with tokens and never with cookies: a cookie they send is not
read, none is set, and `Access-Control-Allow-Credentials` is never sent. So what
goes wrong on their site cannot use a session that people have on ours. Where
PUBLIC_URL is on the list, it is still our own origin and keeps its cookies.
"""

from authserver.settings import Settings
from authserver.web.messages import Header, Request, Response

MAX_AGE_S = 600  # for which a browser need not repeat its preflight
ALLOWED_HEADERS = "Authorization, Content-Type"
EXPOSED_HEADERS = "Retry-After, WWW-Authenticate, X-Request-Id"
VARY: Header = ("Vary", "Origin")
VARY_PREFLIGHT: Header = (
    "Vary",
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
)


def received(settings: Settings, request: Request) -> Request:
    """Return the request as dispatch may see it: marked, and with no cookie."""
    if not settings.allowed_origins:
        return request
    origin = request.header("origin")
    if origin not in settings.allowed_origins or origin == settings.origin:
        return request
    headers = {name: text for name, text in request.headers.items() if name != "cookie"}
    return request._replace(headers=headers, foreign=True)


def answered(settings: Settings, request: Request, response: Response) -> Response:
    """Return the response with what its page's browser has to know."""
    if not settings.allowed_origins:
        return response
    if not request.foreign:
        # A cache must not give one origin what another was told.
        return response._replace(headers=(*response.headers, VARY))
    kept = tuple(each for each in response.headers if each[0] != "Set-Cookie")
    origin = ("Access-Control-Allow-Origin", request.headers["origin"])
    if request.method == "OPTIONS" and request.header("access-control-request-method"):
        own = _of_preflight(response)
    else:
        own = (VARY, ("Access-Control-Expose-Headers", EXPOSED_HEADERS))
    return response._replace(headers=(*kept, origin, *own))


def _of_preflight(response: Response) -> tuple[Header, ...]:
    methods = [value for name, value in response.headers if name == "Allow"]
    return (
        VARY_PREFLIGHT,
        ("Access-Control-Allow-Methods", ", ".join(methods)),
        ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
        ("Access-Control-Max-Age", str(MAX_AGE_S)),
    )
