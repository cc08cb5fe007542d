"""The certificate that the server shows itself: as clients would judge it."""

import re

import pytest

from tests import certificates, ports
from tests.processes import ServerProcess


def tls(made: certificates.Made, **settings: str) -> dict[str, str]:
    return {
        "TLS_CERT": str(made.certificate),
        "TLS_KEY": str(made.key),
        "PUBLIC_URL": "https://localhost:8080",
        **settings,
    }


def test_certificate_for_the_public_name_is_fine(doctor, tmp_path):
    made = certificates.make(tmp_path / "made")

    report = doctor(**tls(made))

    ((state, words),) = report.of("certificate")
    assert state == "ok"
    assert re.search("certificate.pem is for localhost, (89|90) days more", words)
    assert report.of("proxies") == [("ok", "none: people connect directly")]


def test_none_is_needed(doctor):
    assert doctor().of("certificate") == [("ok", "none here: TLS_CERT is not set")]


@pytest.mark.parametrize(
    ("name", "days", "state", "words"),
    [
        ("localhost", 10, "warn", "days. Renew it."),
        ("other.example.org", 90, "FAIL", "hostname mismatch"),
    ],
)
def test_certificate_that_clients_refuse_or_soon_will_is_told(
    doctor, tmp_path, name, days, state, words
):
    made = certificates.make(tmp_path / "made", name, days=days)

    ((found, told),) = doctor(**tls(made)).of("certificate")

    assert (found, words in told) == (state, True), told


def test_expired_certificate_fails(doctor, tmp_path):
    made = certificates.expire(certificates.make(tmp_path / "made"))

    ((state, words),) = doctor(**tls(made)).of("certificate")

    assert state == "FAIL"
    assert "certificate has expired. Get one for localhost." in words


def test_files_that_cannot_be_used_fail(doctor, tmp_path):
    made = certificates.make(tmp_path / "made")
    made.key.unlink()

    ((state, words),) = doctor(**tls(made)).of("certificate")

    assert state == "FAIL"
    assert words.startswith("TLS_KEY names")


def test_key_that_everybody_can_read_is_a_warning(doctor, tmp_path):
    made = certificates.make(tmp_path / "made")
    made.key.chmod(0o644)

    (state, words), _ = doctor(**tls(made)).of("certificate")

    assert state == "warn"
    assert "open to other users (mode 644)" in words


def test_port_of_a_running_server_with_tls_is_recognised(doctor, tmp_path):
    settings = tls(certificates.make(tmp_path / "made"), PORT=str(ports.free_port()))
    server = ServerProcess(tmp_path, settings).start()

    ((state, words),) = doctor(**settings).of("port")

    server.kill()
    assert (state, "an authserver answers there" in words) == ("ok", True)
