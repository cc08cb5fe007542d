"""Cookies: reading the header linearly, writing ours with every safeguard.

    Cookie: theme=dark; __Host-session=6xGk0P4c...                        in
    Set-Cookie: __Host-session=6xGk0P4c...; Max-Age=2592000; Path=/;
                Secure; HttpOnly; SameSite=Strict                         out

The prefix `__Host-` makes browsers refuse the cookie unless it came over TLS
from this very host, for all its paths: no other subdomain can plant a session
of its own ("cookie tossing"). `HttpOnly` hides it from scripts, and
`SameSite=Strict` keeps it out of requests that other sites start.

Reading has two rules of its own. A pair that is not well-formed is skipped, not
a reason to drop its neighbours: any script of the site may have set it. But our
own name twice is refused: one of the two was planted, and nobody can say which.

The standard library's `http.cookies` took seconds for one header full of
backslashes and quotes (CVE-2024-7592), and drops all cookies over one bad pair.
"""

import re
from typing import Final
from urllib.parse import quote, urlsplit

from authserver import errors
from authserver.web.messages import Header

SESSION: Final = "__Host-session"
RESET: Final = "__Host-reset"
LANGUAGE: Final = "language"

_OCTET: Final = r"[!#-+\--:<-\[\]-~]"  # of a value, RFC 6265 section 4.1.1
_VALUE: Final = re.compile(f"{_OCTET}*")
# Nothing is given back once it is taken (`+` after a repetition), so that no
# text is read in two ways; and no step for each pair is Python's.
_PAIR: Final = re.compile(rf"(?:\A|;)[ \t]*+([^;=]++)=({_OCTET}++)[ \t]*+(?=;|\Z)")
_OURS: Final = re.compile(rf"(?:\A|;)[ \t]*+({SESSION}|{RESET})(?:=|[ \t]*+(?=;|\Z))")


def parse(header: str) -> dict[str, str]:
    """Return the well-formed cookies of a Cookie header, by name.

    The first of a name counts. Raises `errors.MalformedRequest` if one of ours
    occurs twice, well-formed or not.
    """
    ours = _OURS.findall(header)
    for name in (SESSION, RESET):
        if ours.count(name) > 1:
            raise errors.MalformedRequest(f"second {name}")
    return dict(reversed(_PAIR.findall(header)))


def value(header: str, name: str) -> str | None:
    """Return the cookie `name` of a Cookie header, None if it is not there.

    Raises `errors.MalformedRequest` as `parse` does.
    """
    return parse(header).get(name)


def session(token: str, *, max_age_s: int) -> Header:
    """Return the Set-Cookie header that opens a browser's session."""
    return _header(SESSION, token, max_age_s)


def reset(token: str, *, max_age_s: int) -> Header:
    """Return the Set-Cookie header that carries the proof for a reset."""
    return _header(RESET, token, max_age_s)


def clear_session() -> Header:
    """Return the Set-Cookie header that makes a browser forget its session."""
    return _header(SESSION, "", 0)


def clear_reset() -> Header:
    """Return the Set-Cookie header that makes a browser forget the proof."""
    return _header(RESET, "", 0)


def language(chosen: str, public_url: str) -> Header:
    """Return the Set-Cookie header that remembers a language for a year.

    It is no secret and opens nothing, so links from other sites may bring it.
    """
    folder = quote(urlsplit(public_url).path, safe="/%")  # a ; would end it
    secure = "; Secure" if public_url.startswith("https:") else ""
    flags = f"Max-Age=31536000; Path={folder}/; SameSite=Lax{secure}"
    return ("Set-Cookie", f"{LANGUAGE}={chosen}; {flags}")


def _header(name: str, token: str, max_age_s: int) -> Header:
    if not _VALUE.fullmatch(token):
        raise ValueError("not a cookie value")
    flags = "Path=/; Secure; HttpOnly; SameSite=Strict"
    return ("Set-Cookie", f"{name}={token}; Max-Age={max_age_s}; {flags}")
