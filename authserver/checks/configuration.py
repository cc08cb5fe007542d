"""The settings, and the files that they stand in."""

import os
from collections.abc import Iterator
from pathlib import Path

from authserver.checks import Finding, Patient, fail, ok, warn
from authserver.keys import READABLE_BY_OTHERS
from authserver.setting_rules import names_this_machine
from authserver.settings import Settings, SettingsError

MODE_BITS = 0o777


def settings(patient: Patient) -> Iterator[Finding]:
    """Tell every fault and every doubt; `settings` has the sentences."""
    for fault in patient.faults:
        yield fail(str(fault))
    for warning in patient.settings.warnings:
        yield warn(warning)
    if not patient.faults and not patient.settings.warnings:
        known = {name.upper() for name in Settings.declared()}
        yield ok(f"{len(known & patient.variables.keys())} set, the others default")


def dotenv(_patient: Patient) -> Iterator[Finding]:
    """Look at who may read `.env`, which usually holds secrets."""
    path = Path(".env")
    if path.exists():
        yield closed(path)
    else:
        yield ok("none here; the environment alone counts")


def secret_files(patient: Patient) -> Iterator[Finding]:
    """Look at who may read the files that settings like X_FILE name."""
    for name, declared in Settings.declared().items():
        path = Path(patient.variables.get(f"{name.upper()}_FILE", ""))
        if declared.secret and path.is_file():
            yield closed(path)


def closed(path: Path) -> Finding:
    """Return whether a file is closed to other users."""
    mode = path.stat().st_mode & MODE_BITS
    # Windows has access lists instead; its mode bits say nothing.
    if os.name == "posix" and mode & READABLE_BY_OTHERS:
        return warn(
            f"{path} is open to other users (mode {mode:o}).",
            f"Run: chmod {mode & 0o700:o} {path}",
        )
    return ok(f"{path}, mode {mode:o}")


def templates(patient: Patient) -> Iterator[Finding]:
    """Read the operator's own files for messages, as the start does."""
    folder = patient.settings.templates_dir
    if not folder:
        yield ok("our own; TEMPLATES_DIR is not set")
        return
    from authserver.delivery import templates as files

    try:
        files.check(folder)
    except SettingsError as error:
        yield fail(
            str(error), "Mend the file, or take it away: then our own wording serves."
        )
    else:
        yield ok(f"{folder}, and our own for what is not there")


def looks(patient: Patient) -> Iterator[Finding]:
    """Read the operator's style and logo, as the start does."""
    from authserver.web import looks as files

    try:
        names = ", ".join(files.read(patient.settings))
    except SettingsError as error:
        yield fail(str(error))
    else:
        yield ok(f"{names or 'our own'}; called {patient.settings.site_name}")


def origins(patient: Patient) -> Iterator[Finding]:
    """Look at the foreign pages that may call the API."""
    allowed = patient.settings.allowed_origins
    plain = [each for each in allowed if each.startswith("http:")]
    foreign = [each for each in plain if not names_this_machine(each)]
    if foreign:
        yield warn(
            f"{', '.join(foreign)}: whoever sits on the way can change that page "
            "and take the tokens of its visitors.",
            "Use https for every origin in ALLOWED_ORIGINS.",
        )
    else:
        yield ok(", ".join(allowed) or "none: only our own pages")
