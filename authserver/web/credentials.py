"""Which credential of a request speaks for the caller.

`Authorization`, when present, alone decides, even if it is bad: a client that
sends a broken token must not silently become whoever its cookie belongs to.
Without it the session cookie counts. Tokens in the query string are never
credentials: URLs end up in logs and histories (RFC 6750 section 5.3).
"""

import hmac

from authserver import errors, tokens
from authserver.app import App
from authserver.flows import authenticate
from authserver.flows.authenticate import Authenticated
from authserver.web import cookies
from authserver.web.messages import Request


def bearer(request: Request) -> str | None:
    """Return the bearer token; raise `InvalidToken` for another scheme."""
    authorization = request.header("authorization")
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    # Blanks as in RFC 9110 section 11.4; `strip()` alone would take more.
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise errors.InvalidToken("not a bearer token")
    return token


def is_watcher(app: App, request: Request) -> bool:
    """Tell whether the bearer token is METRICS_TOKEN."""
    expected = app.settings.metrics_token
    try:
        presented = bearer(request)
    except errors.InvalidToken:
        return False
    if not expected or presented is None:
        return False
    # Digests, so that the time tells neither a beginning nor a length.
    return hmac.compare_digest(tokens.digest(presented), tokens.digest(expected))


def cookie(request: Request, name: str) -> str | None:
    """Return a cookie of ours; raise `MalformedRequest` if it comes twice."""
    return cookies.value(request.header("cookie") or "", name)


def require(app: App, request: Request) -> Authenticated:
    """Return who is asking; raise `NotAuthenticated` or `InvalidToken`."""
    token = bearer(request)
    if token is not None:
        return authenticate.by_bearer(app, token)
    session = cookie(request, cookies.SESSION)
    if session is None:
        raise errors.NotAuthenticated("no credential")
    return authenticate.by_cookie(app, session)


def optional(app: App, request: Request) -> Authenticated | None:
    """Return who is asking, if anybody is; raise for a bad bearer token only.

    A browser sends an ended session's cookie along without being asked to, and
    may still verify an address or log in.
    """
    try:
        return require(app, request)
    except errors.NotAuthenticated:
        return None
    except errors.InvalidToken:
        if request.header("authorization") is not None:
            raise
        return None
