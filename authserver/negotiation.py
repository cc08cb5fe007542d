"""What a client would rather have: which language, a page or JSON.

    Accept-Language: de-CH, de;q=0.9, en;q=0.8, *;q=0.5
    Accept: text/html, application/xhtml+xml, */*;q=0.8

Such a header lists what is welcome, each with a weight from 0 to 1 (RFC 9110
section 12.4.2); without one it is 1, and 0 means "not this". A language is
found by lookup (RFC 4647 section 3.4): what is wanted most comes first, and
`de-CH` falls back on `de`. What people chose on our pages counts before what
their browser says of them: `?lang=de`, and the cookie that remembers it.

Whoever asks for nothing we have gets English: better words that one may not
know than none. So nothing in here refuses, whatever is sent; a list may be as
long as a head, so only its beginning is looked at.
"""

import re
from collections.abc import Collection

DEFAULT = "en"
MAX_ENTRIES = 20  # browsers send at most ten
MAX_PARAMETERS = 5  # of an entry; browsers send at most two
MAX_WORDS = 4  # language, script, region, one more: zh-Hant-HK
# Compiled with the first list that has weights: at the start it would be felt.
_WEIGHT = r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)"


def asked(query: str, known: Collection[str]) -> str | None:
    """Return the language that an address asks for, or None."""
    return _named("lang", query, "&", known)


def language(query: str, cookie: str, accepted: str, known: Collection[str]) -> str:
    """Return the language to answer in, one of `known` or `DEFAULT`.

    Takes the query of the address, and the headers Cookie and Accept-Language.
    """
    chosen = asked(query, known) or _named("language", cookie, ";", known)
    return chosen or _looked_up(accepted, known)


def wants_page(accept: str) -> bool:
    """Tell whether an Accept header comes from a browser that opens a page.

    Whoever takes anything, as fetch and curl do, gets JSON.
    """
    weights = _weights(accept)
    page = weights.get("text/html", 0)
    return page > 0 and page >= weights.get("application/json", 0)


def _named(name: str, text: str, end: str, known: Collection[str]) -> str | None:
    """Return the first of `known` that stands as `name=...` up to `end`."""
    if f"{name}=" not in text:  # as in nearly all requests
        return None
    found = re.findall(rf"(?:\A|{end})[ \t]*+{name}=([^{end}]*)", text)
    values = (value.rstrip(" \t") for value in found)
    return next((value for value in values if value in known), None)


def _looked_up(header: str, known: Collection[str]) -> str:
    if not header:  # of a program
        return DEFAULT
    weights = _weights(header)
    for wanted in sorted(weights, key=lambda each: -weights[each]):  # stable
        words = wanted.split("-", MAX_WORDS)[:MAX_WORDS] if weights[wanted] else []
        for length in range(len(words), 0, -1):
            shorter = "-".join(words[:length])
            if shorter in known:
                return shorter
    return DEFAULT


def _weights(header: str) -> dict[str, float]:
    """Return the entries of a list, lower case, each with its weight."""
    weights: dict[str, float] = {}
    for entry in header.lower().split(",", MAX_ENTRIES)[:MAX_ENTRIES]:
        parts = entry.split(";", MAX_PARAMETERS + 1)[: MAX_PARAMETERS + 1]
        name, *parameters = (part.strip(" \t") for part in parts)
        found = [re.fullmatch(_WEIGHT, each) for each in parameters]
        weight = [float(each[1]) for each in found if each]
        weights.setdefault(name, weight[-1] if weight else 1.0)
    return weights
