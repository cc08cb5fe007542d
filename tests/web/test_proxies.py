"""Ambiguous requests through nginx and HAProxy: nothing hides behind anything.

Smuggling needs two readers who disagree. So each case of the corpus goes to a
proxy, with an honest request behind it on the same connection and another one
after it on a new connection, which the proxy sends us on a connection that may
have carried the case. Afterwards two logs are laid side by side, joined by the
id that we give to each request and send with its answer:

    the proxy forwarded                    we saw
    GET /case-117     id 5f0c...           GET /case-117    id 5f0c...
    GET /victim-117   id 9ad1...           GET /victim-117  id 9ad1...

Each request that we saw must stand in the proxy's log, with this method and
target, and got this answer. What we refused was never seen by a site.
"""

import ipaddress
import re
import socket
from contextlib import suppress
from typing import NamedTuple

import pytest

from authserver import errors
from authserver.web.messages import Request, Response
from tests.web import corpus, proxies
from tests.web.conftest import Site
from tests.web.proxies import Proxy, Row

CASES = corpus.cases()
PROXY = ipaddress.ip_network("127.0.0.1/32")
SILENCE_S = 1  # the proxy waits for more of the request: no more will come
PATIENCE_S = 20
ID = re.compile(rb"(?i)\r\nX-Request-Id: ([0-9a-f]+)\r\n")


class Traffic(NamedTuple):
    """What clients got."""

    answers: dict[str, list[str]]  # ids, by the client's address
    victims: dict[str, bytes]  # by the path that was asked for


class Signing(Site):
    """Signs each answer with the id of what it answers."""

    def respond(self, request: Request) -> Response:
        return signed(super().respond(request), request.request_id)

    def refuse(self, error: errors.AuthError, request_id: str) -> Response:
        return signed(super().refuse(error, request_id), request_id)


def signed(response: Response, request_id: str) -> Response:
    return response._replace(headers=(("X-Request-Id", request_id),))


@pytest.fixture
def site() -> Signing:
    return Signing()


@pytest.fixture
def backend(serve):
    """One of our servers, behind proxies of this machine."""
    return serve(trusted_proxies=[PROXY])


def talk(proxy: Proxy, client: str, data: bytes, patience_s: float) -> bytes:
    """Send bytes from this address; return all that comes.

    After so long a silence say that no more bytes will be sent.
    """
    received = b""
    address = ("127.0.0.1", proxy.port)
    with (
        socket.create_connection(address, patience_s, (client, 0)) as peer,
        suppress(ConnectionError),
    ):
        peer.sendall(data)
        while packet := _packet(peer):
            received += packet
    return received


def _packet(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65536)
    except TimeoutError:
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(PATIENCE_S)
        return peer.recv(65536)


def send_all(proxy: Proxy) -> Traffic:
    """Send each case with a follower, and a victim after it."""
    traffic = Traffic({}, {})
    for case in CASES:
        client = f"127.1.{case.number // 100}.{case.number % 100}"
        follower = case.get("after", "Connection: close")
        received = talk(proxy, client, case.data + follower, SILENCE_S)
        traffic.answers[client] = [each.decode() for each in ID.findall(received)]
        victim = case.get("victim", "Connection: close")
        traffic.victims[case.path("victim")] = talk(
            proxy, "127.2.0.1", victim, PATIENCE_S
        )
    return traffic


def differences(rows: list[Row], site) -> list[str]:
    """Say where proxy, server and clients do not agree."""
    forwarded = [row for row in rows if row.forwarded]
    by_id = {row.id: row for row in forwarded if row.id}
    unanswered = [(row.method, row.target) for row in forwarded if not row.id]
    found = []
    for request in site.requests:
        target = request.path + (request.query and f"?{request.query}")
        line, row = (request.method, target), by_id.pop(request.request_id, None)
        if row is not None and row[1:4] != (request.address, *line):
            found.append(f"{line} of {request.address} was answered as {row}")
        if row is None and line not in unanswered:
            found.append(f"{line} was never forwarded")
        elif row is None:
            unanswered.remove(line)
    found += [f"{by_id[each]} was not seen" for each in {*by_id} - site.refused_ids]
    if len(site.refused_ids - {*by_id}) > len(unanswered):
        found.append(f"of {site.refused_ids} more than {unanswered} never forwarded")
    return found


def misdelivered(rows: list[Row], traffic: Traffic) -> list[str]:
    """Say which client got what is not the answer to its request."""
    found = []
    for client, answers in traffic.answers.items():
        mine = [row for row in rows if row.client == client]
        # Answers of HTTP/0.9 have no headers, and so no id.
        ids = [row.id for row in mine if row.id and row.version]
        if answers != ids:
            found.append(f"answers {answers} for {mine}")
    for path, received in traffic.victims.items():
        if (
            received.count(b"HTTP/1.1 ") != 1
            or f'"path":"{path}"' not in received.decode()
        ):
            found.append(f"{received!r} for {path}")
    return found


@proxies.needs_nginx
def test_nothing_hides_behind_nginx(backend, site, tmp_path):
    with proxies.nginx(tmp_path, backend.server_port, buffering=True) as proxy:
        traffic = send_all(proxy)

    rows = proxy.rows()
    assert differences(rows, site) == []
    assert misdelivered(rows, traffic) == []


@proxies.needs_nginx
def test_nothing_hides_behind_nginx_that_does_not_buffer(backend, site, tmp_path):
    with proxies.nginx(tmp_path, backend.server_port, buffering=False) as proxy:
        traffic = send_all(proxy)

    rows = proxy.rows()
    assert differences(rows, site) == []
    assert misdelivered(rows, traffic) == []


@proxies.needs_haproxy
def test_nothing_hides_behind_haproxy(backend, site, tmp_path):
    with proxies.haproxy(tmp_path, backend.server_port) as proxy:
        traffic = send_all(proxy)

    rows = proxy.rows()
    assert differences(rows, site) == []
    assert misdelivered(rows, traffic) == []
