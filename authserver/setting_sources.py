"""Where the text of a setting is found: a variable, its file, or `.env`.

`EMAIL_PASS_FILE=/run/secrets/mail` reads the value of EMAIL_PASS from a file,
likewise for every other secret: a file's mode protects it, while an environment
is shown to anybody who may list processes.
"""

import os
import select
import stat
from collections.abc import Mapping
from pathlib import Path

SECRET_FILE_MAX_BYTES = 64 * 1024
SECRET_FILE_WAIT_S = 5.0  # for a pipe that somebody writes into

# How the older systems' settings began, and what does their job here.
OLDER_NAMES = {
    "SECRET": "SECRET_KEY",
    "DB_": "DATABASE_URL",
    "SMTP_": "EMAIL_HOST, EMAIL_PORT, EMAIL_USER and EMAIL_PASS",
    "GMAIL_": "EMAIL_USER and EMAIL_PASS",
}


class SettingsError(Exception):
    """The start stops: one sentence that begins with what it is about."""

    def __init__(self, name: str, sentence: str) -> None:
        shown = name.upper() if name.isidentifier() else name  # else: a file's
        self.name = name.lower()
        super().__init__(f"{shown} {sentence}")


def look_up(found: Mapping[str, str], name: str, *, secret: bool) -> str | None:
    """Return the text of a variable, or of the file that its `_FILE` names.

    Raises `SettingsError`.
    """
    value, path = found.get(name), found.get(f"{name}_FILE") if secret else None
    if path:
        if value:
            raise SettingsError(name, f"and {name}_FILE are both set; keep one.")
        return _content(f"{name}_FILE", path)
    # An empty variable is an unset one, but an empty SECRET_KEY is a mistake
    # that must be seen: `SECRET_KEY=$(missing-command)`.
    if value == "" and name != "SECRET_KEY":
        return None
    return value


def open_at_once(path: str, flags: int) -> int:
    """Be the `opener` of a file that may turn out not to be a regular one."""
    # A named pipe would make us wait for somebody to write into it.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _content(name: str, path: str) -> str:
    """Return what is in the file of a secret, or in a pipe, `<(pass show)`."""
    text = b""
    try:
        with open(path, "rb", buffering=0, opener=open_at_once) as file:
            pipe = stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
            while len(text) <= SECRET_FILE_MAX_BYTES:
                if pipe and not select.select([file], [], [], SECRET_FILE_WAIT_S)[0]:
                    raise SettingsError(name, "names a pipe that nothing comes from.")
                part = file.read(SECRET_FILE_MAX_BYTES)
                if not part:
                    break
                text += part
        value = text.decode().strip()
    except OSError as error:
        raise SettingsError(name, f"cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(name, "cannot be read: is not text.") from error
    if len(text) > SECRET_FILE_MAX_BYTES:
        raise SettingsError(name, "names a file that is too long for a secret.")
    if not value:
        raise SettingsError(name, "names a file with nothing in it.")
    return value


def read_dotenv(path: Path | None) -> tuple[dict[str, str], list[str]]:
    """Return the variables of a `.env` file, and warnings.

    Raises `SettingsError`.
    """
    if path is None or not os.path.lexists(path):
        return {}, []
    if not path.is_file():  # else a pipe, or a link to nowhere, would be no settings
        raise SettingsError(path.name, "is not a file.")
    try:
        from dotenv.parser import parse_stream
    except ImportError:
        return {}, [f"{path.name} is ignored: python-dotenv is not installed."]
    values: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8") as file:
            # As they stand there: a `$` in a password is a `$`.
            for each in parse_stream(file):
                # To go on without it could be to go on without TLS.
                if each.error or (each.key is not None and each.value is None):
                    first, text = each.original.line, each.original.string
                    line = first + text[: -len(text.lstrip())].count("\n")
                    raise SettingsError(
                        path.name,
                        f"has no NAME=value in line {line}, or a quote without end.",
                    )
                if each.key is not None and each.value is not None:
                    values[each.key] = each.value
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SettingsError(path.name, f"cannot be read: {reason}.") from error
    return values, []


def older_names(found: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable that an older system used."""
    return [
        f"{name} is not a setting here; use {new}."
        for name in sorted(found)
        if (new := successor_of(name))
    ]


def successor_of(name: str) -> str | None:
    """Return what to set in place of what an older system used, if it did."""
    for old, new in OLDER_NAMES.items():
        if name == old or (old.endswith("_") and name.startswith(old)):
            return new
    return None
