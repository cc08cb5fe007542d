"""Looking the installation over: what works, what does not, and what to do.

    ok    python             3.11.2, /usr/bin/python3
    warn  .env               .env is open to other users (mode 644). Run: ...
    FAIL  mail               smtp.example.org:587 does not take our mail ...

One line per finding, in the order of `CHECKS`, for people and for grep. All
checks run at once, each in a thread of its own, and after `WHOLE_S` those that
hang are given up: a thread's wait for a name server cannot be cut short, but
nobody has to wait for the thread.
"""

import contextlib
import logging
import threading
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import NamedTuple

from authserver import checks, runtime
from authserver.checks import (
    Check,
    Finding,
    Patient,
    clock,
    configuration,
    database,
    fail,
    installation,
    mail,
    patient,
    reachability,
    secret_key,
    text_messages,
)

HELP = "look the installation over, and say what to do about what is wrong"
WHOLE_S = 12.0  # all checks together; each should give up by itself before

log = logging.getLogger("authserver.doctor")


class Entry(NamedTuple):
    """One line or more of the report, and the settings that it looks at."""

    name: str
    check: Check
    areas: tuple[str, ...] = ()


def _certificate(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.encrypted:
        return iter((checks.ok("none here: TLS_CERT is not set"),))
    from authserver.checks import certificate  # loads ssl

    return certificate.shown(patient)


CHECKS = (
    Entry("python", installation.python),
    Entry("bcrypt", installation.bcrypt, ("password_hasher",)),
    Entry("python-dotenv", installation.dotenv),
    Entry(
        "mysql-connector",
        installation.needed_by(
            "mysql-connector-python", "DATABASE_URL=mysql://", "database_url=mysql:"
        ),
        ("database_url",),
    ),
    Entry(
        "twilio",
        installation.needed_by("twilio", "TWILIO_SID", "twilio_sid="),
        ("sms",),
    ),
    Entry(
        "argon2-cffi",
        installation.needed_by(
            "argon2-cffi", "PASSWORD_HASHER=argon2", "password_hasher=argon2"
        ),
        ("password_hasher",),
    ),
    Entry("flask-swagger-ui", installation.swagger_ui),
    Entry("settings", configuration.settings),
    Entry("settings file", configuration.dotenv),
    Entry("secret files", configuration.secret_files),
    Entry("secret key", secret_key.present, ("secret_key", "database_url")),
    Entry("secret key", secret_key.fits_database, ("secret_key", "database_url")),
    Entry("database", database.engine, ("database_url",)),
    Entry("database files", database.files, ("database_url",)),
    Entry("server", database.server, ("database_url",)),
    Entry("clock", clock.plausible, ("database_url",)),
    Entry("mail", mail.smtp, ("email",)),
    Entry("wording", configuration.templates, ("templates_dir",)),
    Entry("looks", configuration.looks, ("site_style", "site_logo")),
    Entry("text messages", text_messages.twilio, ("sms",)),
    Entry("port", reachability.port, ("address",)),
    Entry("certificate", _certificate, ("address",)),
    Entry("cookies", reachability.cookies, ("address",)),
    Entry("proxies", reachability.proxies, ("address",)),
    Entry("public url", reachability.public_url, ("address",)),
    Entry("foreign pages", configuration.origins, ("allowed_origins",)),
)
COLUMN_CHARS = max(len(entry.name) for entry in CHECKS) + 1


def add_arguments(parser: ArgumentParser) -> None:
    """Take no arguments."""


def run(_options: Namespace) -> int:
    """Print every finding; fail if one of them is a FAIL."""
    # Findings say it; the parts' own log lines would say it twice.
    logging.getLogger("authserver").addHandler(logging.NullHandler())
    admitted = patient.admit(Path(".env"), now=runtime.wall_clock())
    states: Counter[checks.State] = Counter()
    for entry, answer in zip(CHECKS, _begin(admitted), strict=True):
        for state, text, remedy in answer.result():
            states[state] += 1
            line = f"{state:4}  {entry.name:{COLUMN_CHARS}} {text} {remedy}"
            print(line.rstrip(), flush=True)
    print(f"\n{states['ok']} ok, {states['warn']} warn, {states['FAIL']} FAIL")
    return 1 if states["FAIL"] else 0


def _begin(admitted: Patient) -> list["Future[list[Finding]]"]:
    """Start every check; each answers within `WHOLE_S`, or is answered for."""
    answers: list[Future[list[Finding]]] = [Future() for _ in CHECKS]
    for entry, answer in zip(CHECKS, answers, strict=True):
        # Daemons: the process ends with one of them still waiting.
        threading.Thread(
            target=_examine, args=(entry, admitted, answer), daemon=True
        ).start()
    bell = threading.Timer(WHOLE_S, _give_up, (answers,))
    bell.daemon = True
    bell.start()
    return answers


def _examine(entry: Entry, admitted: Patient, answer: "Future[list[Finding]]") -> None:
    unclear = admitted.unclear & set(entry.areas)
    try:
        if unclear:
            found = [checks.warn("not looked at.", "Mend the settings above first.")]
        else:
            found = list(entry.check(admitted))
    except OSError as error:
        reason = f"{error.filename or entry.name}: {error.strerror or error}."
        found = [fail(reason, checks.RIGHT_USER)]
    except Exception as error:
        log.exception("the check %s failed", entry.name)
        found = [fail(f"This check failed itself: {error!r}.", "Report this.")]
    with contextlib.suppress(InvalidStateError):  # given up meanwhile
        answer.set_result(found)


def _give_up(answers: list["Future[list[Finding]]"]) -> None:
    late = fail(
        f"No answer within {WHOLE_S:g} seconds.",
        "See whether names are resolved and disks answer on this machine.",
    )
    for answer in answers:
        with contextlib.suppress(InvalidStateError):  # it was in time
            answer.set_result([late])
