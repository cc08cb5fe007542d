"""Where the server listens, and whether people reach it there."""

import socket
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of a program that answers everything with 204 and nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def test_port_taken_by_a_stranger_fails(doctor, stranger):
    ((state, words),) = doctor(PORT=str(stranger)).of("port")

    assert state == "FAIL"
    assert "is taken by another program" in words
    assert "set another PORT" in words


def test_host_of_another_machine_fails(doctor):
    ((state, words),) = doctor(HOST="192.0.2.1", PORT="21500").of("port")

    assert state == "FAIL"
    assert "192.0.2.1:21500 cannot be opened" in words
    assert "Set HOST to an address of this machine" in words


def test_plain_address_that_keeps_no_cookie_is_a_warning(doctor):
    ((state, words),) = doctor(PUBLIC_URL="http://127.0.0.1:8080").of("cookies")

    assert state == "warn"
    assert "https for everything else" in words


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"HOST": "0.0.0.0"}, "TRUSTED_PROXIES names none"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8"}, "(10.0.0.0/8) does not name it"),
    ],
)
def test_proxy_whose_word_does_not_count_is_a_warning(doctor, settings, sentence):
    report = doctor(PUBLIC_URL="https://auth.invalid", **settings)

    ((state, words),) = report.of("proxies")
    assert state == "warn"
    assert sentence in words


def test_public_name_that_nobody_knows_is_a_warning(doctor):
    report = doctor(PUBLIC_URL="https://auth.invalid", TRUSTED_PROXIES="127.0.0.1/32")

    assert report.of("public url") == [
        (
            "warn",
            "the name auth.invalid is not known here. Make a DNS entry for it that "
            "leads to the proxy.",
        )
    ]
    assert report.of("proxies") == [("ok", "127.0.0.1/32")]
    assert report.status == 0


def test_foreign_page_over_plain_http_is_a_warning(doctor):
    report = doctor(ALLOWED_ORIGINS="http://localhost:5173,http://app.example.org")

    ((state, words),) = report.of("foreign pages")
    assert state == "warn"
    assert words.startswith("http://app.example.org: ")
    assert "Use https" in words
