"""Where the text of a setting is found, and how it becomes a value.

`EMAIL_PASS_FILE=/run/secrets/mail` reads the value of EMAIL_PASS from a file,
likewise for every other secret: a file's mode protects it, while an environment
is shown to anybody who may list processes.

Each reader takes the text and returns the value; `BadValue` carries the rest of
a sentence whose first word is the variable's name. Numbers are ASCII digits
only: Python's `int` would also take "1_000" and Arabic digits.
"""

import ipaddress
import os
import re
import select
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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


class BadValue(ValueError):
    """Why a text is no value, as the end of a sentence: `must be ...`."""


def text(value: str) -> str:
    """Read printable text."""
    if not value.isprintable():
        raise BadValue("must not contain control characters.")
    return value


def title(value: str) -> str:
    """Read a name that is shown to people."""
    name = value.strip()
    if not name or len(name) > 60 or not name.isprintable():
        raise BadValue("must be 1 to 60 characters, none of them invisible.")
    return name


def host(value: str) -> str:
    """Read a host name or address; empty means none."""
    address, _, _ = value.partition("%")  # without the zone
    if not re.fullmatch(r"[A-Za-z0-9._:%-]*", value) or (
        ":" in value and not _is_host(address)
    ):
        raise BadValue("must be a host name or an address.")
    return value


def secrets(value: str) -> tuple[bytes, ...]:
    """Read a comma-separated list of secrets, first the current one."""
    # An empty member is kept, to be refused: "x," must not count as one key.
    return tuple(
        part.strip().encode(errors="surrogateescape") for part in value.split(",")
    )


def token(value: str) -> str:
    """Read a bearer token that people make up; empty means none."""
    if value and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,}", value):
        raise BadValue("must be 16 or more letters, digits and -._~+/=.")
    return value


def boolean(value: str) -> bool:
    """Read true or false."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False}
    words["0"] = False
    if value.lower() not in words:
        raise BadValue("must be true or false.")
    return words[value.lower()]


def choice(*choices: str) -> Callable[[str], str]:
    """Return a reader of one word out of `choices`."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise BadValue(f"must be one of: {', '.join(choices)}.")
        return value.lower()

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise BadValue(f"must be a whole number from {low} to {high}.")
        return int(value)

    return read


def decimal(low: float, high: float) -> Callable[[str], float]:
    """Return a reader of numbers from `low` to `high`."""

    def read(value: str) -> float:
        shaped = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value)
        if not shaped or not low <= float(value) <= high:
            raise BadValue(f"must be a number from {low:g} to {high:g}.")
        return float(value)

    return read


def networks(value: str) -> tuple[Network, ...]:
    """Read a comma-separated list of networks."""
    try:
        return tuple(
            _network(part.strip()) for part in value.split(",") if part.strip()
        )
    except ValueError as error:
        raise BadValue(
            "must be networks like 127.0.0.1/32,10.0.0.0/8, "
            "with no address bits beyond the prefix."
        ) from error


def _network(value: str) -> Network:
    """Read a network; of IPv4 addresses in IPv6 form, as what they are."""
    found = ipaddress.ip_network(value)
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96:
        inside = found.network_address.ipv4_mapped  # RFC 4291 section 2.5.5.2
        if inside is not None:
            return ipaddress.IPv4Network((inside, found.prefixlen - 96))
    return found


def country_code(value: str) -> str:
    """Read a telephone country code (ITU-T E.164), with or without its plus."""
    digits = value.removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", digits):
        raise BadValue("must be one to three digits, like 91.")
    return digits


def url(value: str) -> str:
    """Read a URL of scheme, host, perhaps port and path; drop a final slash.

    A host is a name or an address: no browser sends or opens another.
    """
    message = "must be a URL like https://auth.example.org."
    address = value.rstrip("/")
    if not re.fullmatch(r"[!-~]*", address) or re.search("[?#@]", address):
        raise BadValue(message)
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for a port that is no number up to 65535
    except ValueError as error:
        raise BadValue(message) from error
    if parts.scheme not in ("http", "https") or not _is_host(parts.hostname or ""):
        raise BadValue(message)
    return address


def _is_host(host: str) -> bool:
    if ":" not in host:
        return re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", host) is not None
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def origin_of(address: str) -> str:
    """Return a URL's origin as browsers write it: no path, no default port."""
    parts = urlsplit(address)
    port = ":443" if parts.scheme == "https" else ":80"
    return f"{parts.scheme}://{parts.netloc.removesuffix(port)}".lower()


def origins(value: str) -> tuple[str, ...]:
    """Read a comma-separated list of origins, as https://app.example.org."""
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    for each in found:
        if "*" in each or each.lower() == "null":
            raise BadValue(
                "must be exact origins, as https://app.example.org: there is no "
                "wildcard, and null is what any page can make a browser say."
            )
        if not _is_origin(each):
            raise BadValue(
                "must be origins with commas between, as https://app.example.org: "
                "scheme and host, perhaps a port, no path."
            )
    return tuple(origin_of(each) for each in found)


def _is_origin(address: str) -> bool:
    try:
        return url(address) == address and not urlsplit(address).path
    except BadValue:
        return False


def calling_codes(value: str) -> tuple[str, ...]:
    """Read a comma-separated list of calling codes; empty means all."""
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if not all(re.fullmatch("[1-9][0-9]{0,6}", each) for each in found):
        raise BadValue("must be calling codes with commas between, like 44,91.")
    return found


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
