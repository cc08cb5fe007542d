"""Where the server listens, and whether people reach it there."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ports
from tests.processes import ServerProcess

NAME = socket.gethostname()  # which every machine should know as its own


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
            "leads to the proxy, or here without one.",
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


# -- through a proxy with TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody vouches for, and its key."""
    made = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=test"),
            *("-addext", f"subjectAltName=DNS:{NAME}"),
            *("-out", made[0], "-keyout", made[1]),
        ],
        check=True,
        capture_output=True,
    )
    return made


@pytest.fixture
def proxy(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[int]:
    """The port of a proxy that passes one request on to a running server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def pass_on(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the caller trusts us not
            peer = context.wrap_socket(listening.accept()[0], server_side=True)
            inside = socket.create_connection(("127.0.0.1", server.port))
            with peer, inside:
                inside.sendall(peer.recv(4096))
                peer.sendall(inside.recv(4096))

    with socket.create_server((NAME, 0)) as listening:
        server = ServerProcess(tmp_path).start()
        thread = threading.Thread(target=pass_on, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()
        server.kill()


def public(port: int, **settings: str) -> dict[str, str]:
    return {
        "PUBLIC_URL": f"https://{NAME}:{port}",
        "TRUSTED_PROXIES": "127.0.0.1/32",
        **settings,
    }


def test_public_url_is_asked_as_a_browser_would(doctor, proxy, certificate):
    authority = str(certificate[0])

    report = doctor(**public(proxy, SSL_CERT_FILE=authority))

    told = f"https://{NAME}:{proxy} leads to an authserver"
    assert report.of("public url") == [("ok", told)]


def test_certificate_that_browsers_would_refuse_is_a_warning(doctor, proxy):
    ((state, words),) = doctor(**public(proxy)).of("public url")

    assert state == "warn"
    assert "certificate verify failed" in words
    assert "see that the proxy has a certificate for this name" in words


def test_public_url_that_does_not_answer_is_a_warning(doctor):
    ((state, words),) = doctor(**public(ports.free_port())).of("public url")

    assert state == "warn"
    assert "/healthz: Connection refused. Start the server" in words
