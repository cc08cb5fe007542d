"""Encryption is all or nothing: nobody who sits between gets a password.

A server with a certificate of our own authority, and a proxy that hides from
the client that the server knows TLS, as an attacker would.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from authserver.store.database import DatabaseError, open_database
from tests import databases
from tests.databases import MariaDB
from tests.tcp_proxy import Proxy

NOW = 1_800_000_000
pytestmark = pytest.mark.skipif(not databases.HAVE_MARIADB, reason="no mariadbd")


class Secured(NamedTuple):
    """A server with TLS, the authority it can be known by, and another one."""

    server: MariaDB
    ca: Path
    other_ca: Path

    def url(self, *, host: str = "127.0.0.1", port: int = 0, ca: str = "") -> str:
        place = f"{host}:{port or self.server.port}"
        return f"mysql://test:test@{place}/test_tls?ssl_ca={ca or self.ca}"


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def authority(folder: Path, name: str) -> Path:
    """Make a certificate authority; return its certificate."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    made = ("-newkey", "rsa:2048", "-nodes", "-days", "9", "-keyout", str(key))
    openssl("req", "-x509", *made, "-out", str(certificate), "-subj", f"/CN={name}")
    return certificate


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("authorities")
    ca, other = authority(folder, "ours"), authority(folder, "other")
    server = MariaDB()
    key, request, cert = (server.folder / name for name in ("key", "csr", "cert"))
    made = ("-newkey", "rsa:2048", "-nodes", "-keyout", str(key))
    openssl("req", *made, "-out", str(request), "-subj", "/CN=127.0.0.1")
    names = server.folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1")
    signing = ("-CA", str(ca), "-CAkey", str(ca.with_suffix(".key")), "-days", "9")
    told = ("-in", str(request), "-out", str(cert), "-extfile", str(names))
    openssl("x509", "-req", *signing, "-CAcreateserial", *told)
    key.chmod(0o644)  # the server runs as another user; the key is worth nothing
    server.options = (f"--ssl-cert={cert}", f"--ssl-key={key}")
    server.start().make_user()
    server.run("CREATE DATABASE test_tls")
    yield Secured(server, ca, other)
    server.wipe()


def test_server_with_our_authoritys_certificate_is_spoken_to_encrypted(secured):
    opened = open_database(secured.url(), now=NOW)
    cipher = opened.read(lambda tx: tx.one("SHOW STATUS LIKE 'Ssl_cipher'"))
    opened.close()

    assert opened.description.encrypted
    assert cipher[1]


def test_certificate_of_another_authority_is_refused(secured):
    with pytest.raises(DatabaseError, match="SSL"):
        open_database(secured.url(ca=secured.other_ca), now=NOW)


def test_certificate_for_another_name_is_refused(secured):
    with pytest.raises(DatabaseError, match="SSL"):
        open_database(secured.url(host="localhost"), now=NOW)


def test_authority_that_cannot_be_read_is_named(secured):
    with pytest.raises(DatabaseError, match=r"ssl_ca .*missing\.pem"):
        open_database(secured.url(ca="/missing.pem"), now=NOW)


def test_man_in_the_middle_who_hides_tls_gets_nothing(secured):
    proxy = Proxy(secured.server.port, hide_tls=True).start()

    with pytest.raises(DatabaseError, match="SSL"):
        open_database(secured.url(port=proxy.port), now=NOW)

    proxy.stop()


def test_loopback_is_encrypted_where_offered(secured):
    opened = open_database(secured.url().partition("?")[0], now=NOW)
    opened.close()

    assert opened.description.encrypted


def test_unix_socket_is_not_encrypted(secured):
    url = f"mysql://test:test@/test_tls?unix_socket={secured.server.socket}"

    opened = open_database(url, now=NOW)
    opened.close()

    assert not opened.description.encrypted
