r"""JSON in, strictly: one JSON object in UTF-8, with one reading.

Python's `json` takes more than RFC 8259 allows and passes on things that break
later, so what reaches an endpoint has been through these checks:

    input                          without the check
    UTF-16, a byte order mark      two systems read two texts
    {"a": 1, "a": 2}               the last wins here, the first elsewhere
    NaN, Infinity, 1e999           not JSON; a comparison with it is never true
    2**53 + 1, 5,000 digits        another number in JavaScript; ValueError
    [[[[...                        RecursionError
    a lone surrogate, "\ud800"      text that no encoding and no database takes

Every fault is `errors.InvalidBody`, never a 500. U+0000 is legal in a string
and left to the rules of each field: a password may hold it.

This module judges the form of a body. What fields it must have, and of which
type, is declared in `api.bodies` and read by `api.fields`.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from authserver import errors

MAX_DEPTH = 32  # our deepest body has one level
MAX_INTEGER = 2**53  # RFC 8259 section 6: beyond it, doubles lose digits
MAX_NUMBER_CHARS = 40  # no double needs more; int() of long texts is quadratic
MAX_NAME_CHARS = 64  # of a field, to be repeated to the sender

REPEATED: Final = errors.Complaint("repeated", "This name occurs twice.")

_MEDIA_TYPE: Final = re.compile(
    r'application/json(?:[ \t]*;[ \t]*(?:charset=(?:utf-8|"utf-8"))?)?',
    re.IGNORECASE,
)


def media_type_is_json(content_type: str | None) -> bool:
    """Return whether a Content-Type header says JSON in UTF-8."""
    return content_type is not None and bool(_MEDIA_TYPE.fullmatch(content_type))


def decode(body: bytes) -> dict[str, Any]:
    """Return the object that `body` holds; an empty body is an empty object.

    Raises `errors.InvalidBody`.
    """
    if not body:
        return {}
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise errors.InvalidBody("not UTF-8") from error
    if text[0] == "\ufeff":
        raise errors.InvalidBody("byte order mark")
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise errors.InvalidBody("nested too deeply") from error
    except json.JSONDecodeError as error:
        raise errors.InvalidBody("not JSON") from error
    if not isinstance(value, dict):
        raise errors.InvalidBody("not an object")
    # Only a text with many brackets can be too deep, and only an escape can
    # bring in a surrogate, as UTF-8 has none: most bodies need no walk.
    if text.count("[") + text.count("{") > MAX_DEPTH or "\\u" in text:
        _check(value)
    return value


def _check(value: dict[str, Any]) -> None:
    """Refuse what is nested too deeply and text with lone surrogates."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        for item in level:
            if isinstance(item, str):
                _check_text(item)
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return
        level = [child for item in containers for child in _children(item)]
    raise errors.InvalidBody("nested too deeply")


def _children(container: dict[object, object] | list[object]) -> Iterable[object]:
    if isinstance(container, dict):
        return (*container.keys(), *container.values())
    return container


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise errors.InvalidBody("lone surrogate") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise errors.InvalidBody("name occurs twice", faults=_repeated(names))
    return value


def _repeated(names: list[str]) -> tuple[errors.FieldFault, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen and name.isprintable() and len(name) <= MAX_NAME_CHARS:
            return (REPEATED.of(name),)
        seen.add(name)
    return ()


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARS or abs(int(text)) > MAX_INTEGER:
        raise errors.InvalidBody("integer beyond 2**53")
    return int(text)


def _float(text: str) -> float:
    number = float(text) if len(text) <= MAX_NUMBER_CHARS else math.inf
    if math.isinf(number):
        raise errors.InvalidBody("number too large or too long")
    return number


def _constant(text: str) -> NoReturn:
    raise errors.InvalidBody(f"{text} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
