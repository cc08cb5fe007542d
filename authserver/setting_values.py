"""How the text of a setting becomes a value.

Each reader takes the text and returns the value; `BadValue` carries the rest of
a sentence whose first word is the variable's name. Numbers are ASCII digits
only: Python's `int` would also take "1_000" and Arabic digits.
"""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
