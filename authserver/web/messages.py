"""What comes in and what goes out: one request, one response, no sockets.

The HTTP core makes a `Request` from bytes and turns a `Response` into bytes;
everything between sees only these two. Header names are lower case, as they
compare without regard to case (RFC 9110 section 5.1). A header sent twice is
joined with ", " (section 5.2), a second Cookie with "; " (RFC 9113 section
8.2.3); the head parser has already refused the headers that must be unique.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from authserver import logs, negotiation, texts
from authserver.app import Caller

MAX_USER_AGENT_CHARS = 200  # kept; enough for a person to know a browser by
Header = tuple[str, str]
NOTHING: Mapping[str, Any] = MappingProxyType({})
OK = HTTPStatus.OK  # found once: in Python 3.11 each look at an enum's member is a call


class Request(NamedTuple):
    """One complete request: head and body have arrived.

    `path` and `query` are as sent, not decoded: no route needs decoding, and
    what is never decoded cannot be decoded twice.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    address: str  # the client's IP, after trusted proxies
    request_id: str
    # Filled in by dispatch, the last two once route and body are known:
    foreign: bool = False  # from a page of ALLOWED_ORIGINS, so without cookies
    parameters: Mapping[str, str] = NOTHING  # of the path
    values: Mapping[str, Any] = NOTHING  # of the body

    def header(self, name: str) -> str | None:
        """Return the value of header `name` (lower case), or None."""
        return self.headers.get(name)

    @property
    def path_to_log(self) -> str:
        """The path without what nobody may read in the log."""
        return logs.discreet(self.path)

    def caller(self) -> Caller:
        """Return who asks, as flows and the audit log know them."""
        user_agent = self.headers.get("user-agent", "")[:MAX_USER_AGENT_CHARS]
        return Caller(self.address, user_agent, self.request_id, self.language())

    def language(self) -> str:
        """Return the language that who asks is answered in."""
        accepted = self.headers.get("accept-language", "")
        chosen = self.headers.get("cookie", "")
        if not (accepted or chosen or self.query):  # a program, as most are
            return negotiation.DEFAULT
        known = texts.languages()
        return negotiation.language(self.query, chosen, accepted, known)


class Response(NamedTuple):
    """Status, JSON payload and headers; the HTTP core adds the framing.

    `payload` None sends `body` as it stands. `standing` are headers that many
    responses have in common: they are worded once.
    """

    status: HTTPStatus
    payload: Mapping[str, Any] | None = None
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    content_type: str = "application/json"
    # Filled in by dispatch:
    route: str = ""  # canonical path; "" if there is none
    standing: tuple[Header, ...] = ()
