"""The pages for people: a closed table of files, each sent as it stands.

    GET /verify           verify.html      where mailed links lead: the token
    GET /reset            reset.html       is in the fragment, so not in here
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
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from authserver import errors
from authserver.app import App
from authserver.web import answers
from authserver.web.messages import Header, Request, Response

FOLDER = Path(__file__).with_name("static")
ASSETS = {
    "icon.svg": answers.SVG,
    "link.js": answers.JAVASCRIPT,
    "reset.js": answers.JAVASCRIPT,
    "style.css": answers.CSS,
    "verify.js": answers.JAVASCRIPT,
}
PAGE_HEADERS: tuple[Header, ...] = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


class _File(NamedTuple):
    content: bytes
    etag: str


def verify(_app: App, _request: Request) -> Response:
    """Show the page on which a mailed link proves a contact."""
    return _page("verify.html")


def reset(_app: App, _request: Request) -> Response:
    """Show the page on which a mailed link sets a new password."""
    return _page("reset.html")


def asset(_app: App, request: Request) -> Response:
    """Send a file that pages load: a script, the style, the icon."""
    name = request.parameters["name"]
    if name not in ASSETS:
        raise errors.NotFound("no such file")
    file = _read(name)
    headers = (("ETag", file.etag), ("Cache-Control", "no-cache"))
    known = request.header("if-none-match") or ""
    if known == "*" or file.etag in known:
        return Response(HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(
        HTTPStatus.OK, headers=headers, body=file.content, content_type=ASSETS[name]
    )


def _page(name: str) -> Response:
    return Response(
        HTTPStatus.OK,
        headers=PAGE_HEADERS,
        body=_read(name).content,
        content_type=answers.HTML,
    )


@functools.cache
def _read(name: str) -> _File:
    content = (FOLDER / name).read_bytes()
    return _File(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
