"""Certificates for tests, made by openssl."""

import subprocess
from pathlib import Path
from typing import NamedTuple

EC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA = ("rsa:2048",)


class Made(NamedTuple):
    """A certificate that vouches for itself, and its key."""

    certificate: Path
    key: Path


def make(
    folder: Path,
    name: str = "localhost",
    *,
    days: int = 90,
    kind: tuple[str, ...] = EC,
    passphrase: str = "",
) -> Made:
    """Make a certificate for a name and 127.0.0.1 in a new folder."""
    folder.mkdir()
    made = Made(folder / "certificate.pem", folder / "key.pem")
    secret = ("-passout", f"pass:{passphrase}") if passphrase else ("-nodes",)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-days", str(days), *secret),
            *("-newkey", *kind, "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"),
            *("-out", made.certificate, "-keyout", made.key),
        ],
        check=True,
        capture_output=True,
    )
    return made


def expire(made: Made) -> Made:
    """Sign a certificate anew so that it ended yesterday."""
    signing = ("-in", made.certificate, "-signkey", made.key, "-days", "-1")
    command = ("openssl", "x509", *signing, "-out", made.certificate)
    subprocess.run(command, check=True, capture_output=True)
    return made
