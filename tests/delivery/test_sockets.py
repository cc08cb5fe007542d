"""Connecting ends in time, whichever of a host's addresses answer."""

import socket
import time

import pytest

from authserver.delivery import sockets
from tests.ports import free_port

from .conftest import full_port


@pytest.fixture
def two_addresses(monkeypatch):
    """Give one name two addresses of this machine."""
    resolver = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host != "two.example.org":
            return resolver(host, port, *args, **kwargs)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port)) for address in ("127.0.0.1", "127.0.0.2")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_address_that_does_not_answer_leaves_time_for_the_next(two_addresses):
    with full_port() as port, socket.create_server(("127.0.0.2", port)):
        started_at = time.monotonic()
        with sockets.connect("two.example.org", port, within_s=2) as connection:
            lasted_s = time.monotonic() - started_at
            assert connection.getpeername() == ("127.0.0.2", port)

    assert 0.9 < lasted_s < 1.9


def test_failure_of_the_last_address_is_told(two_addresses):
    started_at = time.monotonic()

    with pytest.raises(ConnectionRefusedError):
        sockets.connect("two.example.org", free_port(), within_s=1)

    assert time.monotonic() - started_at < 5


def test_every_address_of_a_name_is_tried():
    # localhost is ::1 as well in most places, where nobody listens.
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connection = sockets.connect("localhost", port, within_s=2)

    connection.close()
