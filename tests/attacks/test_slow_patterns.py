"""Text that almost matches: patterns that try every way to read it.

A pattern with two ways to read the same text tries them all before it gives up,
and texts of a few kilobytes have cost other servers minutes (Django's
CVE-2024-27351 is one of a dozen). So each field of each route, and each header
that is read, gets texts that nearly match; `python -m tests.faults C22` sends
them to a real server.
"""

import time
from itertools import count

import pytest

from authserver.web import forwarded
from tests.attacks.near_matches import (
    CHARS,
    HEADER_BYTES,
    HEADERS,
    IN_HEADERS,
    MOST,
    NEARLY,
    WITH_BODIES,
    bodies,
)
from tests.cpu import within

FAST_S = 0.05  # of CPU, for the whole request
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
