"""What the routes answer when all is well, declared by example.

An example is the shortest declaration that a person can read and a program can
use: its names are those of every answer, all of them always there, and the
types of its values are theirs. What the example cannot show is said beside it:
names that may be absent, and names whose value may be null. The OpenAPI
document makes its schemas from this, and the tests hold every response that
they see to them.

Refusals are not declared here: their form is one for all (`web.dispatch`).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from authserver.passwords import policy
from authserver.settings import NAME, VERSION
from authserver.web import cookies
from authserver.web.api.bodies import ALICE, ID, PHONE_NUMBER, TOKEN

JSON = "application/json"
HTML = "text/html; charset=utf-8"
CSS = "text/css; charset=utf-8"
JAVASCRIPT = "text/javascript; charset=utf-8"
SVG = "image/svg+xml"
PNG = "image/png"
FIGURES = "text/plain; version=0.0.4; charset=utf-8"  # of Prometheus


class Answer(NamedTuple):
    """A successful response: what it looks like, and how it may differ.

    An `example` of text is the whole body, of one of `media_types`. `open`:
    the example leaves names out. `cookies` are those that it sets or clears.
    `unchanged`: who has it already may be told so, by a 304. `page`: a browser
    that opens the address gets a page.
    """

    example: Mapping[str, Any] | str
    status: HTTPStatus = HTTPStatus.OK
    optional: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    media_types: tuple[str, ...] = (JSON,)
    open: bool = False
    unchanged: bool = False
    page: bool = False


CONTACTS = ("email", "phone")  # of a user, who has at least one of them
NOW = 1_800_000_000

USER: Mapping[str, Any] = {
    "id": ID,
    "username": "alice",
    "email": ALICE,
    "phone": PHONE_NUMBER,
    "is_verified": True,
}
TOKENS: Mapping[str, Any] = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.e30.bm90LXJlYWw",
    "token_type": "bearer",
    "expires_in": 900,
    "refresh_token": TOKEN,
}
SESSION: Mapping[str, Any] = {
    "id": ID,
    "created_at": NOW,
    "last_seen_at": NOW,
    "expires_at": NOW + 2_592_000,
    "address": "192.0.2.1",
    "user_agent": "Mozilla/5.0",
    "amr": ["pwd"],
    "current": True,
}

REGISTERED = Answer(
    {
        "status": 201,
        "message": "User registered successfully",
        "user": {**USER, "is_verified": False},
    },
    HTTPStatus.CREATED,
    nullable=CONTACTS,
)
CHECKED = Answer(
    {"acceptable": False, "errors": [policy.COMMON.of("password")._asdict()]}
)
CODE_SENT = Answer({"message": "OTP sent successfully"})
VERIFIED = Answer({"message": "Account verified successfully"})
LOGGED_IN = Answer(
    {"message": "Login successful", **TOKENS, "user": USER},
    optional=tuple(TOKENS),  # with `cookie_only` there are none
    nullable=CONTACTS,
    cookies=(cookies.SESSION,),
)
REFRESHED = Answer(TOKENS)
LOGGED_OUT = Answer({"message": "Logged out"}, cookies=(cookies.SESSION,))
CODE_VALIDATED = Answer(
    {"message": "OTP verified. Proceed to reset password.", "reset_token": TOKEN},
    optional=("reset_token",),
    cookies=(cookies.RESET,),
)
PASSWORD_RESET = Answer(
    {"message": "Password reset successful"}, cookies=(cookies.RESET, cookies.SESSION)
)
PASSWORD_CHANGED = Answer({"message": "Password changed successfully"})
ME = Answer(
    {
        "user": {
            **USER,
            "email_verified": True,
            "phone_verified": False,
            "roles": ["admin"],
        }
    },
    nullable=CONTACTS,
)
PROTECTED = Answer(
    {"message": "Hello, alice. You are logged in.", "user": USER}, nullable=CONTACTS
)
ACTIVE = Answer({"active": True, "session": SESSION})
SESSIONS = Answer({"sessions": [SESSION]})
OTHERS_ENDED = Answer({"message": "Other sessions ended", "ended": 2})
ENDED = Answer({"message": "Session ended"})
INDEX = Answer({"status": "ok", "name": NAME, "version": VERSION}, page=True)
UNDELIVERED = Answer(
    {
        "messages": [
            {
                "recipient": ALICE,
                "subject": "123456 is your code",
                "text": "Hello alice, ...",
                "sent_at": NOW,
            }
        ]
    },
    page=True,
)
HEALTHY = Answer({"status": "ok"})
EXPLAINED = Answer(
    {
        "code": "not_found",
        "status": 404,
        "title": "Not Found",
        "detail": "There is nothing at this address.",
    },
    page=True,
)
DOCUMENT = Answer(
    {"openapi": "3.1.0", "info": {"title": NAME, "version": VERSION}, "paths": {}},
    open=True,
)
PAGE = Answer("<!DOCTYPE html>", media_types=(HTML,))
ASSET = Answer(
    "/* what pages load */", media_types=(CSS, JAVASCRIPT, SVG, PNG), unchanged=True
)
MEASURED = Answer("# HELP ...", media_types=(FIGURES,))
ELSEWHERE = Answer("", HTTPStatus.FOUND, media_types=())
NOTHING = Answer("", HTTPStatus.NO_CONTENT, media_types=())
