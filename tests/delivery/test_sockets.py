"""Connecting ends in time, whichever of a host's addresses answer."""

import socket
import time

import pytest

from authserver.delivery import sockets
from tests.mail_server import free_port


@pytest.fixture
def two_addresses(monkeypatch):
    """Give every name two addresses: nobody answers at the first."""

    def resolve(_host, port, **_options):
        # RFC 5737: for documentation, so there is no such machine.
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("192.0.2.1", port)), (*kind, ("127.0.0.1", port))]

    resolver = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, *family_and_type, **options: (
            resolve(host, port)
            if host == "two.example.org"
            else resolver(host, port, *family_and_type, **options)
        ),
    )


def test_address_that_does_not_answer_leaves_time_for_the_next(two_addresses):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with sockets.connect("two.example.org", port, within_s=1) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


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
