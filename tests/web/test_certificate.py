"""The certificate: what cannot be used is a sentence, what is new is taken."""

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from authserver.settings import SettingsError
from authserver.web import certificate
from authserver.web.certificate import Certificate
from tests import certificates
from tests.certificates import Made


@pytest.fixture
def made(tmp_path) -> Made:
    return certificates.make(tmp_path / "made")


def missing(made: Made) -> Made:
    return made._replace(certificate=Path("missing.pem"))


def key_missing(made: Made) -> Made:
    return made._replace(key=made.key.parent)


def exchanged(made: Made) -> Made:
    return Made(made.key, made.certificate)


def no_key(made: Made) -> Made:
    return Made(made.certificate, made.certificate)


def of_another(made: Made) -> Made:
    return made._replace(key=certificates.make(made.key.parent / "other").key)


def with_passphrase(made: Made) -> Made:
    return certificates.make(made.key.parent / "secret", passphrase="secret")


def damaged(made: Made) -> Made:
    made.certificate.write_text(made.certificate.read_text().replace("M", "N", 1))
    return made


def key_damaged(made: Made) -> Made:
    text = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    made.key.write_text(text)
    return made


def of_another_kind(made: Made) -> Made:
    command = ("openssl", "genpkey", "-algorithm", "ED25519", "-out", str(made.key))
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (missing, "^TLS_CERT names missing.pem, which cannot be read: No such file"),
        (key_missing, "^TLS_KEY names .*, which cannot be read: Is a directory"),
        (exchanged, "^TLS_CERT must name a PEM certificate; .*key.pem is none"),
        (no_key, "^TLS_KEY must name a PEM private key; .*certificate.pem is none"),
        (of_another, "^TLS_KEY .* is not the key of the certificate in TLS_CERT"),
        (with_passphrase, "^TLS_KEY must not have a passphrase"),
        (damaged, "^TLS_CERT .* holds a damaged certificate"),
        (key_damaged, "^TLS_KEY .* is damaged, or another kind of key"),
        (of_another_kind, "^TLS_KEY .* is damaged, or another kind of key"),
    ],
)
def test_files_that_cannot_be_used_are_a_sentence(made, spoil, sentence):
    with pytest.raises(SettingsError, match=sentence):
        certificate.make_context(*spoil(made))


def test_one_file_may_hold_both(made):
    both = made.certificate.with_name("both.pem")
    both.write_text(made.certificate.read_text() + made.key.read_text())

    assert certificate.make_context(both, both)


@pytest.mark.parametrize(("mode", "to_everybody"), [(0o604, True), (0o640, False)])
def test_key_may_be_open_to_a_group_only(made, mode, to_everybody):
    made.key.chmod(mode)

    assert certificate.open_to_everybody(made.key) == to_everybody


# -- renewal


@pytest.fixture
def shown(made, clock) -> Certificate:
    return Certificate(*made, clock=clock.monotonic)


@pytest.fixture
def renew(made, tmp_path) -> Callable[[], Made]:
    """Return what puts a new certificate in the old one's place."""

    def replace() -> Made:
        new = certificates.make(tmp_path / "new")
        for old, each in zip(made, new, strict=True):
            each.replace(old)
        return made

    return replace


def test_new_files_are_taken_within_a_minute(shown, renew, clock, caplog):
    caplog.set_level(logging.INFO)
    before = shown.context()

    renew()

    assert shown.context() is before
    clock.advance(60)
    assert shown.context() is not before
    assert "took the new certificate" in caplog.text


def test_files_that_stay_are_read_once(shown, clock):
    before = shown.context()

    clock.advance(3600)

    assert shown.context() is before


@pytest.mark.parametrize("spoil", [damaged, lambda made: made.key.unlink()])
def test_new_files_that_cannot_be_used_leave_the_old_ones_in_use(
    shown, made, clock, caplog, spoil
):
    before = shown.context()
    spoil(made)

    for _ in range(3):
        clock.advance(60)
        assert shown.context() is before

    (sentence,) = caplog.messages
    assert sentence.startswith("the old certificate stays in use: TLS_")


def test_files_that_could_not_be_read_for_a_while_are_taken_all_the_same(
    shown, renew, clock, monkeypatch, caplog
):
    before = shown.context()
    refused = SettingsError("tls_key", "cannot be read: Permission denied.")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(certificate, "_read", Mock(side_effect=refused))
        renew()
        for _ in range(2):
            clock.advance(60)
            assert shown.context() is before
    clock.advance(60)

    assert shown.context() is not before
    assert len(caplog.messages) == 1  # told once


def test_files_are_looked_at_again_after_a_failure(shown, made, renew, clock):
    before = shown.context()
    damaged(made)
    clock.advance(60)
    shown.context()

    renew()

    clock.advance(60)
    assert shown.context() is not before
