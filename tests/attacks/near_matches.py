"""Text that nearly is what a field or a header should be, in any length.

A pattern that can read a text in more than one way is slowest on what fits up
to the last character. The lengths are the largest that come through: 64
characters are read as the local part of an address, 128 as a password, 254 as
an address, 1,024 as any other field, and 64 KiB as a body.
"""

import json
from collections.abc import Callable, Iterator, Mapping

from authserver.web.api.routes import ROUTES, Route

Made = Callable[[int], str]  # (how many characters)

WITH_BODIES = [route for route in ROUTES if route.body]
CHARS = (64, 128, 254, 1024)
HEADER_BYTES = 15_900  # with the rest of a head below 16 KiB
MOST = 64 * 1024

# What nearly is an address, a number, a token, a name, a code, a path.
NEARLY: Mapping[str, Made] = {
    "e-mail address": lambda size: "a" * (size - 1) + "@",
    "domain": lambda size: "a@" + "a." * (size // 2 - 2) + "-",
    "hyphens": lambda size: "a@a" + "-" * (size - 5) + ".",
    "many ats": lambda size: "a@" * (size // 2),
    "dots": lambda size: "." * (size - 2) + "@a",
    "quoted": lambda size: '"' + "\\" * (size - 2) + "@",
    "phone number": lambda size: "+" + "1" * (size - 2) + "x",
    "phone number in groups": lambda size: "+" + "1 " * (size // 2 - 1) + "x",
    "blanks": lambda size: "a" + " " * (size - 2) + "a",
    "blanks of all kinds": lambda size: "\u2003\u00a0" * (size // 2 - 1) + "a",
    "token": lambda size: "eyJhbGciOiJIUzI1NiJ9." + "A" * (size - 30) + ".!",
    "dotted token": lambda size: "a." * (size // 2),
    "digits": lambda size: "0" * (size - 1) + "x",
    "digits of other scripts": lambda size: "\u0665" * (size - 1),
    "id": lambda size: "019b2f7e-" * (size // 9),
    "one letter": lambda size: "a" * size,
    "combining marks": lambda size: "a" + "\u0315\u0300" * (size // 2 - 1),
    "letters that grow": lambda size: "\ufdfa" * size,
    "capitals that grow": lambda size: "\u0130" * size,
    "control characters": lambda size: "\x01" * size,
}
IN_HEADERS: Mapping[str, Made] = {
    **{name: made for name, made in NEARLY.items() if max(made(100).encode()) < 128},
    "quotes": lambda size: 'a="' + '\\"' * (size // 2 - 2),
    "cookies": lambda size: "a=b; " * (size // 5),
    "empty cookies": lambda size: "__Host-session=;" * (size // 16),
    "semicolons": lambda size: ";" * size,
    "equal signs": lambda size: "=" * size,
    "commas": lambda size: ", " * (size // 2),
    "addresses": lambda size: "1.1.1.1," * (size // 8),
    "trusted addresses": lambda size: "127.0.0.1," * (size // 10),
    "colons": lambda size: "[" + ":" * (size - 1),
    "media types": lambda size: "application/json;" * (size // 17),
    "parameters": lambda size: "application/json" + "; a=b" * (size // 6),
    "bearers": lambda size: "Bearer " * (size // 7),
    "bearer and blanks": lambda size: "Bearer" + " " * (size - 7) + "a",
    "percent signs": lambda size: "%" * size,
    "entity tags": lambda size: '"a", ' * (size // 5),
    "origins": lambda size: "https://" + "a." * (size // 2 - 4),
    "codings": lambda size: "chunked," * (size // 8),
}
HEADERS = (
    *("Accept", "Authorization", "Connection", "Content-Encoding", "Content-Length"),
    *("Content-Type", "Cookie", "Expect", "Host", "If-None-Match", "Origin"),
    *("Sec-Fetch-Site", "Transfer-Encoding", "User-Agent", "X-Forwarded-For"),
    *("Access-Control-Request-Method", "Access-Control-Request-Headers"),
)


def bodies(route: Route, chars: int | None) -> Iterator[tuple[str, bytes]]:
    """Yield each near match in each field, the needed others as they should be.

    None as many characters as a body has room for.
    """
    for field in route.body:
        needed = [each for each in route.body if each.required and each != field]
        rest = {each.name: each.example for each in needed}
        room = MOST - len(_dumped({**rest, field.name: ""}))
        for what, made in NEARLY.items():
            text = made(chars) if chars else _of_bytes(made, room)
            yield f"{what} as {field.name}", _dumped({**rest, field.name: text})


def _of_bytes(made: Made, size: int) -> str:
    """Return the longest that takes no more than `size` bytes of JSON."""
    sample = made(CHARS[-1])
    return made(size * len(sample) // len(_dumped(sample)))


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
