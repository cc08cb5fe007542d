"""Endpoints that open, renew, show and end sessions."""

from typing import Any

from authserver import errors
from authserver.app import App
from authserver.errors import Complaint
from authserver.flows import login, logout, lookup
from authserver.flows import refresh as refreshing
from authserver.flows import sessions as device_list
from authserver.flows.opening import Terms, Tokens
from authserver.flows.steps import Steps
from authserver.web import cookies, credentials
from authserver.web.messages import OK, Request, Response

NO_COOKIES = Complaint("cookie_elsewhere", "Pages elsewhere get tokens, never cookies.")


def log_in(app: App, request: Request) -> Response:
    """Log in with a password or a one-time code.

    A program gets tokens in the body; a browser is known by the cookie, and
    asks for `cookie_only` so that no token comes within reach of its scripts.
    """
    values = request.values
    password, otp = values["password"], values["otp"]
    if request.foreign and values["cookie_only"]:
        faults = (NO_COOKIES.of("cookie_only"),)
        raise errors.InvalidBody("cookie_only from elsewhere", faults=faults)
    identifier = lookup.identify(app, values["identifier"])
    terms = Terms(
        replace_session=bool(values["replace_session"]),
        cookie_only=bool(values["cookie_only"]),
        old_cookie=credentials.cookie(request, cookies.SESSION),
    )
    if otp is not None:
        opened = login.with_code(app, request.caller(), identifier, otp, terms)
    else:
        opened = login.with_password(app, request.caller(), identifier, password, terms)
    payload: dict[str, Any] = {"message": "Login successful"}
    if opened.tokens is not None:
        payload |= _token_fields(opened.tokens)
    payload["user"] = opened.profile._asdict()
    cookie = cookies.session(opened.cookie, max_age_s=opened.cookie_max_age_s)
    return Response(OK, payload, headers=(cookie,))


def refresh(app: App, request: Request) -> Steps[Response]:
    """Exchange a refresh token for its successor and a new access token."""
    token = request.values["refresh_token"]
    pair = yield from refreshing.exchange(app, request.caller(), token)
    return Response(OK, _token_fields(pair))


def log_out(app: App, request: Request) -> Response:
    """End the session that the request belongs to, or all of its user's.

    `Authorization`, when present, alone decides, as everywhere: a cookie or a
    refresh token beside it ends nothing. So the browser keeps a cookie whose
    session goes on, else nobody could end that afterwards. Without it the
    cookie and the refresh token each end their session.
    """
    caller, everywhere = request.caller(), bool(request.values["everywhere"])
    bearer = credentials.bearer(request)
    cookie = credentials.cookie(request, cookies.SESSION)
    refresh_token = request.values["refresh_token"]
    if bearer is not None:
        logout.by_bearer(app, caller, bearer, everywhere=everywhere)
        if cookie is None or not logout.is_over(app, cookie):
            return Response(OK, {"message": "Logged out"})
    elif refresh_token is None and cookie is None:
        raise errors.NotAuthenticated("logout without a credential")
    else:
        if refresh_token is not None:
            logout.by_refresh_token(app, caller, refresh_token, everywhere=everywhere)
        if cookie is not None:
            logout.by_cookie(app, caller, cookie, everywhere=everywhere)
    headers = (cookies.clear_session(),)
    return Response(OK, {"message": "Logged out"}, headers=headers)


def active(app: App, request: Request) -> Response:
    """Show the session that the request belongs to."""
    who = credentials.require(app, request)
    session = device_list.own(who)._asdict()
    return Response(OK, {"active": True, "session": session})


def list_own(app: App, request: Request) -> Response:
    """List the caller's live sessions."""
    who = credentials.require(app, request)
    listed = [device._asdict() for device in device_list.list_own(app, who)]
    return Response(OK, {"sessions": listed})


def end_others(app: App, request: Request) -> Response:
    """End all of the caller's sessions but this one."""
    who = credentials.require(app, request)
    ended = device_list.end_others(app, request.caller(), who)
    return Response(OK, {"message": "Other sessions ended", "ended": ended})


def end_one(app: App, request: Request) -> Response:
    """End one of the caller's sessions."""
    who = credentials.require(app, request)
    device_list.end_one(app, request.caller(), who, request.parameters["id"])
    return Response(OK, {"message": "Session ended"})


def _token_fields(pair: Tokens) -> dict[str, Any]:
    """Name the tokens as RFC 6749 section 5.1 does."""
    return {
        "access_token": pair.access_token,
        "token_type": "bearer",
        "expires_in": pair.expires_in_s,
        "refresh_token": pair.refresh_token,
    }
