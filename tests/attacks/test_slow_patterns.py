"""Text that almost matches: patterns that try every way to read it.

A pattern with two ways to read the same text tries them all before it gives up,
and texts of a few kilobytes have cost other servers minutes (Django's
CVE-2024-27351 is one of a dozen). So each field of each route, and each header
that is read, gets texts that nearly match, in the largest sizes that come
through: 64 characters are read as the local part of an address, 128 as a
password, 254 as an address, 1,024 as any other field, and 64 KiB as a body.
"""

import json
import time
from itertools import count

import pytest

from authserver.web import forwarded
from authserver.web.api.routes import ROUTES
from tests.cpu import within

WITH_BODIES = [route for route in ROUTES if route.body]
FAST_S = 0.05  # of CPU, for the whole request
CHARS = (64, 128, 254, 1024)
HEADER_BYTES = 15_900  # with the rest of a head below 16 KiB
MOST = 64 * 1024

# What nearly is an address, a number, a token, a name, a code, a path.
NEARLY = {
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
IN_HEADERS = {
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
REQUESTS = {  # where each header is looked at
    "GET /auth/me": ("GET", "/auth/me", b""),
    "POST /auth/refresh": ("POST", "/auth/refresh", b'{"refresh_token": "wrong"}'),
    "GET /verify": ("GET", "/verify", b""),
    "OPTIONS /auth/login": ("OPTIONS", "/auth/login", b""),
}


@pytest.fixture
def app(make_app):
    return make_app(allowed_origins="https://app.example.org")


@pytest.fixture
def client(api):
    # Comparing with the document takes longer than the request.
    return api._replace(documented=False)


def slow(works) -> list[str]:
    """The names of those that take too long, in whichever thread."""
    clock = time.process_time
    return [name for name, work in works if not within(FAST_S, work, clock=clock)]


def of_bytes(made, size) -> str:
    """The longest such text that takes no more than `size` bytes of JSON."""
    sample = made(CHARS[-1])
    return made(size * len(sample) // len(dumped(sample)))


def dumped(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def bodies(route, chars):
    """Each near match in each field, the needed others as they should be."""
    for field in route.body:
        needed = [each for each in route.body if each.required and each != field]
        rest = {each.name: each.example for each in needed}
        room = MOST - len(dumped({**rest, field.name: ""}))
        for what, made in NEARLY.items():
            text = made(chars) if chars else of_bytes(made, room)
            yield f"{what} as {field.name}", dumped({**rest, field.name: text})


@pytest.mark.parametrize("chars", [*CHARS, None])
@pytest.mark.parametrize("route", WITH_BODIES, ids=lambda route: route.paths[0])
def test_near_matches_in_fields_take_no_time(client, route, chars):
    place = count(1)

    def sending(body):
        def send():
            number = next(place)  # another client each, lest a limit answers
            home = client.at(f"198.18.{number // 250}.{number % 250 + 1}")
            home.send(route.method, route.paths[0], body)

        return send

    works = [(name, sending(body)) for name, body in bodies(route, chars)]

    assert len(works) >= len(NEARLY)
    assert slow(works) == []


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("where", REQUESTS)
def test_near_matches_in_headers_take_no_time(client, name, where):
    method, path, body = REQUESTS[where]

    def sending(text):
        headers = {**client.headers, name.lower(): text}
        return lambda: client._replace(headers=headers).send(method, path, body)

    works = [(what, sending(made(MOST))) for what, made in IN_HEADERS.items()]

    assert slow(works) == []


@pytest.mark.parametrize("size", [HEADER_BYTES, MOST])
@pytest.mark.parametrize("name", HEADERS)
def test_near_matches_on_the_wire_take_no_time(wire, name, size):
    def sending(text):
        # What says nothing of keeping the connection closes it in HTTP/1.0.
        version = "1.0" if name == "Connection" else "1.1\r\nConnection: close"
        host = "" if name == "Host" else "Host: x\r\n"
        request = f"GET /auth/me HTTP/{version}\r\n{host}{name}: {text}\r\n\r\n"
        data = request.encode()
        return lambda: wire.send(data)

    works = [(what, sending(made(size))) for what, made in IN_HEADERS.items()]

    assert slow(works) == []


@pytest.mark.parametrize("what", IN_HEADERS)
def test_near_addresses_take_no_time(what):
    text = IN_HEADERS[what](MOST)
    proxies = (forwarded.ipaddress.ip_network("127.0.0.1/32"),)

    def read():
        forwarded.client_address("127.0.0.1", text, proxies)

    assert within(FAST_S, read)
