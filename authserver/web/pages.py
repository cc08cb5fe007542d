"""The pages for people: a closed table of files, each sent as it stands.

    GET /verify           verify.html      where mailed links lead: the token
    GET /reset            reset.html       is in the fragment, so not in here
    GET /docs             docs.html        the API, shown by Swagger UI
    GET /static/{name}    what the pages load

Opening a page changes nothing. Mail scanners open every link before its reader
does, so a token is spent by the POST of the page's button alone.

No path from a request reaches the file system: a name is looked up in a table,
and the table's own word for it is opened. Files are read when first asked for.

A page is plain HTML without a script or a style inside it, so its policy can
forbid all that is not a file of ours: words that somebody smuggled into a page
run nothing, load nothing and send nothing (CSP level 3). Addresses in pages are
relative, so all works below any folder of PUBLIC_URL. What pages load may be
kept, but is asked for again each time and answered by a 304 while it is the
same (RFC 9110 section 13.1.2): no update mixes old scripts with new pages.
"""

import functools
import hashlib
import importlib.util
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from authserver import errors
from authserver.app import App
from authserver.web.api import answers
from authserver.web.messages import Header, Request, Response

FOLDER = Path(__file__).with_name("static")
ASSETS = {
    "docs.css": answers.CSS,
    "docs.js": answers.JAVASCRIPT,
    "icon.svg": answers.SVG,
    "link.js": answers.JAVASCRIPT,
    "reset.js": answers.JAVASCRIPT,
    "style.css": answers.CSS,
    "verify.js": answers.JAVASCRIPT,
}
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
# Swagger UI comes in a package that somebody may install; these two of its
# files are sent, and none of its code is imported. (swagger-ui-bundle stopped
# at Swagger UI 4, which cannot read OpenAPI 3.1.)
SWAGGER_PACKAGE = "flask_swagger_ui"
SWAGGER_ASSETS = {
    "swagger-ui-bundle.js": answers.JAVASCRIPT,
    "swagger-ui.css": answers.CSS,
}


class _File(NamedTuple):
    content: bytes
    etag: str


def verify(_app: App, _request: Request) -> Response:
    """Show the page on which a mailed link proves a contact."""
    return _page("verify.html")


def reset(_app: App, _request: Request) -> Response:
    """Show the page on which a mailed link sets a new password."""
    return _page("reset.html")


def docs(app: App, _request: Request) -> Response:
    """Show the API to people: in Swagger UI, or as plain text without it."""
    if _swagger_folder() is not None:
        return _page("docs.html", DOCS_HEADERS)
    # Not needed by a server whom nobody asks; and it imports the route table.
    from authserver.web.api import docs_page

    content = docs_page.page(app.settings.public_url)
    return Response(
        HTTPStatus.OK, headers=PAGE_HEADERS, body=content, content_type=answers.HTML
    )


def asset(_app: App, request: Request) -> Response:
    """Send a file that pages load: a script, the style, the icon."""
    name = request.parameters["name"]
    folder = FOLDER if name in ASSETS else None
    if name in SWAGGER_ASSETS:
        folder = _swagger_folder()
    if folder is None:
        raise errors.NotFound("no such file")
    file = _read(folder / name)
    headers = (("ETag", file.etag), ("Cache-Control", "no-cache"))
    known = request.header("if-none-match") or ""
    if known == "*" or file.etag in known:
        return Response(HTTPStatus.NOT_MODIFIED, headers=headers)
    media_type = (ASSETS | SWAGGER_ASSETS)[name]
    return Response(
        HTTPStatus.OK, headers=headers, body=file.content, content_type=media_type
    )


def _page(name: str, headers: tuple[Header, ...] = PAGE_HEADERS) -> Response:
    return Response(
        HTTPStatus.OK,
        headers=headers,
        body=_read(FOLDER / name).content,
        content_type=answers.HTML,
    )


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
