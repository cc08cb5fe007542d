"""The pages for people, and how they are sent.

    GET /verify           verify.html      where mailed links lead: the token
    GET /reset            reset.html       is in the fragment, so not in here
    GET /docs             docs.html        the API, shown by Swagger UI
    GET /problems/{code}  problem.html     what a refusal means, by its code
                          missing.html     wherever nothing is
    GET /static/<digest>/{name}            what the pages load

Opening a page changes nothing. Mail scanners open every link before its reader
does, so a token is spent by the POST of the page's button alone.

A page is plain HTML without a script or a style inside it, so its policy can
forbid all that is not a file of ours: words that somebody smuggled into a page
run nothing, load nothing and send nothing (CSP level 3). Addresses in pages are
relative, so all works below any folder of PUBLIC_URL.

Where programs ask as well, a browser is known by its Accept header. The
language is what the reader chose (`?lang=de` sets a cookie, which says nothing
else), or else what the browser asks for (`negotiation`).
"""

import functools
import hashlib
import importlib.util
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from authserver import errors, negotiation, texts
from authserver.app import App
from authserver.web import assets, cookies, rendering
from authserver.web.api import answers
from authserver.web.messages import Header, Request, Response

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_OPENER: Header = ("Cross-Origin-Opener-Policy", "same-origin")
PAGE_HEADERS: tuple[Header, ...] = (
    ("Content-Security-Policy", _POLICY.format(images="'self'")),
    _OPENER,
)
DOCS_HEADERS: tuple[Header, ...] = (
    # Swagger UI's style has its icons within it.
    ("Content-Security-Policy", _POLICY.format(images="'self' data:")),
    _OPENER,
)
VARY: Header = ("Vary", "Accept, Accept-Language, Cookie")
KEPT: Header = ("Cache-Control", "public, max-age=31536000, immutable")  # a year
ASKED_AGAIN: Header = ("Cache-Control", "no-cache")
# Swagger UI comes in a package that somebody may install; these two of its
# files are sent, and none of its code is imported. (swagger-ui-bundle stopped
# at Swagger UI 4, which cannot read OpenAPI 3.1.)
SWAGGER_PACKAGE = "flask_swagger_ui"
SWAGGER_ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css")


class _File(NamedTuple):
    content: bytes
    etag: str


def register(app: App, request: Request) -> Response:
    """Show the page on which people register."""
    return page(app, request, "register")


def verify(app: App, request: Request) -> Response:
    """Show the page on which a code or a mailed link proves a contact."""
    return page(app, request, "verify")


def log_in(app: App, request: Request) -> Response:
    """Show the page on which people log in."""
    return page(app, request, "login")


def forgot(app: App, request: Request) -> Response:
    """Show the page on which people ask for a reset code."""
    return page(app, request, "forgot")


def reset(app: App, request: Request) -> Response:
    """Show the page on which a code or a mailed link sets a new password."""
    return page(app, request, "reset")


def account(app: App, request: Request) -> Response:
    """Show the page of somebody's own account."""
    return page(app, request, "account")


def docs(app: App, _request: Request) -> Response:
    """Show the API to people: in Swagger UI, or as plain text without it."""
    if _swagger_folder() is not None:
        content = rendering.unframed(app, "docs.html")
        return _html(content, DOCS_HEADERS)
    # Not needed by a server whom nobody asks; and it imports the route table.
    from authserver.web.api import docs_page

    content = docs_page.page(app.settings.public_url, rendering.static_of(app))
    return _html(content, PAGE_HEADERS)


def asset(app: App, request: Request) -> Response:
    """Send a file that pages load: a script, the style, the icon."""
    name, version = request.parameters["name"], request.parameters["version"]
    if name in SWAGGER_ASSETS:
        file, caching = _of_swagger(name), ASKED_AGAIN
    else:
        found = assets.of(app)
        if name not in found.files:
            raise errors.NotFound("no such file")
        file = _File(found.files[name], found.etag)
        caching = KEPT if version == found.version else ASKED_AGAIN
    headers = (("ETag", file.etag), caching)
    known = request.header("if-none-match") or ""
    if known == "*" or file.etag in known:
        return Response(HTTPStatus.NOT_MODIFIED, headers=headers)
    media_type = assets.media_type(name)
    return Response(
        HTTPStatus.OK, headers=headers, body=file.content, content_type=media_type
    )


def wanted(request: Request) -> bool:
    """Tell whether a browser asks for a page, and not a program for JSON."""
    opening = request.method in ("GET", "HEAD")
    return opening and negotiation.wants_page(request.header("accept") or "")


def missing(app: App, request: Request) -> Response:
    """Show that there is nothing at this address."""
    return page(app, request, "missing")._replace(status=HTTPStatus.NOT_FOUND)


def problem(app: App, request: Request, code: str, status: int) -> Response:
    """Show what a refusal means and what to do about it."""
    words = texts.load(request.language())["problems"][code]
    return page(app, request, "problem", {**words, "code": code, "status": str(status)})


def change_password(app: App, _request: Request) -> Response:
    """Lead password managers to where a password is changed.

    They know the address from the W3C's "A Well-Known URL for Changing
    Passwords"; whoever is not logged in logs in there first.
    """
    place = f"{app.settings.public_url}/account#password"
    return Response(HTTPStatus.FOUND, headers=(("Location", place),))


def page(
    app: App, request: Request, name: str, values: Mapping[str, str] | None = None
) -> Response:
    """Show a page in the language of who asks."""
    language = request.language()
    root = rendering.root_of(app, request.path)
    content = rendering.page(app, name, language, root=root, values=values)
    headers = (*PAGE_HEADERS, VARY, ("Content-Language", language))
    if negotiation.asked(request.query, texts.languages()):
        headers = (*headers, cookies.language(language, app.settings.public_url))
    return _html(content, headers)


def _html(content: bytes, headers: tuple[Header, ...]) -> Response:
    return Response(
        HTTPStatus.OK, headers=headers, body=content, content_type=answers.HTML
    )


def _of_swagger(name: str) -> _File:
    folder = _swagger_folder()
    if folder is None:
        raise errors.NotFound("no such file")
    return _read(folder / name)


@functools.cache
def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _swagger_folder() -> Path | None:
    """Return where Swagger UI lies, None if it is not installed."""
    found = importlib.util.find_spec(SWAGGER_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "dist"
