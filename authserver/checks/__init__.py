"""What `server.py doctor` looks at, one file per part of an installation.

    Patient  -->  check  -->  Finding, Finding ...      ok, warn or FAIL

A check is a small function that takes the `Patient` and yields what it found:
one line for the operator each, and what to do about it. Three rules:

* It only looks. It takes no lock, writes no row and no file, sends no letter,
  so it may run beside the server and as often as somebody likes.
* It says nothing secret: neither a value of a secret setting nor the words of a
  mail server, which may quote one.
* It gives up by itself where it waits for the network, after `PATIENCE_S`.

FAIL is what keeps the server from starting or from doing its job; warn is what
works and should not stay so.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from authserver.settings import Settings, SettingsError

PATIENCE_S = 3.0  # for each answer of the network

RIGHT_USER = "Run this as the user who runs the server."

State = Literal["ok", "warn", "FAIL"]


class Finding(NamedTuple):
    """What was found; `remedy` is empty where `text` says what to do."""

    state: State
    text: str
    remedy: str = ""


class Patient(NamedTuple):
    """What the checks look at. Its settings can work, as far as they go."""

    settings: Settings
    faults: tuple[SettingsError, ...]  # all that is wrong with what was set
    unclear: frozenset[str]  # areas of settings where the defaults stand in
    variables: Mapping[str, str]  # the environment over `.env`, as found
    now: int


Check = Callable[[Patient], Iterator[Finding]]


def fail_at(path: Path, error: Exception) -> Finding:
    """Return the sentence of `error`, which may come of who we are."""
    readable = not path.exists() or os.access(path, os.R_OK)
    return fail(str(error), "" if readable else RIGHT_USER)


def ok(text: str) -> Finding:
    """Return that nothing is to be done."""
    return Finding("ok", text)


def warn(text: str, remedy: str = "") -> Finding:
    """Return what works and should not stay so."""
    return Finding("warn", text, remedy)


def fail(text: str, remedy: str = "") -> Finding:
    """Return what keeps the server from its job."""
    return Finding("FAIL", text, remedy)
