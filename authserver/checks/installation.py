"""Python, and the packages that are worth having beside it.

None of the packages is needed as such; each is needed by a setting. Only that
a package can be found is looked at, and its version: nothing is imported.
"""

import importlib.metadata
import sys
from collections.abc import Iterator

from authserver.checks import Check, Finding, Patient, fail, ok, warn

OLDEST_PYTHON = (3, 11)


def python(_patient: Patient) -> Iterator[Finding]:
    """Look at the version of Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        yield fail(version, "Install Python 3.11 or newer.")
    else:
        yield ok(f"{version}, {sys.executable}")


def bcrypt(patient: Patient) -> Iterator[Finding]:
    """Look at what hashes passwords by default."""
    chosen = patient.settings.password_hasher == "bcrypt"  # noqa: S105 - no password
    found = _version("bcrypt")
    if found or not chosen:
        yield ok(found or "not installed; PASSWORD_HASHER does not ask for it")
    else:
        yield warn(
            "not installed: new passwords are hashed with scrypt, and those hashed "
            "with bcrypt cannot be checked.",
            "Install it (pip install -r requirements.txt), or set "
            "PASSWORD_HASHER=scrypt for a server that never had bcrypt.",
        )


def dotenv(patient: Patient) -> Iterator[Finding]:
    """Look at what reads `.env`, which is ignored without it."""
    found = _version("python-dotenv")
    ignored = any("python-dotenv" in each for each in patient.settings.warnings)
    if ignored:
        yield fail(
            "not installed, and .env is here: its settings are ignored.",
            "Install it (pip install -r requirements.txt), or set the variables in "
            "the environment and remove .env.",
        )
    else:
        yield ok(found or "not installed; only .env needs it")


def needed_by(package: str, asks: str, setting: str) -> Check:
    """Return the check of a package that is needed when `setting` begins so."""

    def check(patient: Patient) -> Iterator[Finding]:
        name, _, beginning = setting.partition("=")
        value = str(getattr(patient.settings, name.lower()))
        needed = bool(value) and value.startswith(beginning)
        found = _version(package)
        if found or not needed:
            yield ok(found or f"not installed; only {asks} needs it")
        else:
            yield fail(
                f"not installed, and {asks} needs it.",
                f"Install it: pip install {package}",
            )

    return check


def swagger_ui(_patient: Patient) -> Iterator[Finding]:
    """Look at what /docs is nicer with."""
    found = _version("flask-swagger-ui")
    yield ok(found or "not installed; /docs shows a plain page without it")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
