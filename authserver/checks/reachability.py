"""Where the server listens, and whether people reach it there.

    browser -- PUBLIC_URL --> proxy with TLS -- HOST:PORT --> server
                              TRUSTED_PROXIES                 or TLS_CERT

Whether PUBLIC_URL answers is asked from this machine, which may see another
network than people do: what fails here is a warning, never a FAIL.
"""

import errno
import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from authserver.checks import PATIENCE_S, Finding, Patient, fail, ok, warn
from authserver.setting_rules import is_loopback, names_this_machine
from authserver.settings import NAME

PROXY_IS_CERTIFIED = (
    "the proxy has a certificate for this name and passes every path on"
)
FAR_TOO_LONG = 4096  # bytes; our answer to /healthz has a few


def port(patient: Patient) -> Iterator[Finding]:
    """Look whether HOST:PORT is free, or ours already."""
    host, number = patient.settings.host, patient.settings.port
    place = f"{host}:{number}"
    if number == 0:
        yield ok(f"{host}, a free port at each start")
        return
    try:
        _bind(host, number)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            yield fail(
                f"{place} cannot be opened: {error.strerror or error}.",
                "Set HOST to an address of this machine and PORT to one above 1023.",
            )
            return
    else:
        yield ok(f"{place} is free")
        return
    nearby = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared
    # Which certificate is shown is looked at elsewhere.
    encrypted = patient.settings.encrypted
    fault = _not_us(_connection(nearby, number, https=encrypted, trusting=True), "")
    if fault:
        yield fail(
            f"{place} is taken by another program ({fault}).",
            "Stop that one, or set another PORT.",
        )
    else:
        yield ok(f"{place}, an {NAME} answers there")


def cookies(patient: Patient) -> Iterator[Finding]:
    """Look whether browsers will keep a `Secure` cookie of PUBLIC_URL."""
    url = patient.settings.public_url
    if patient.settings.https:
        yield ok(f"{url}: browsers keep Secure cookies")
    elif urlsplit(url).hostname == "localhost":
        yield ok(f"{url}: browsers make an exception for localhost")
    else:
        # RFC 6265bis section 5.7: Secure needs a secure connection; what counts
        # as one besides https is up to the browser, and few take 127.0.0.1.
        yield warn(
            f"{url}: few browsers keep a Secure cookie of this address.",
            "Use http://localhost for trying things out, https for everything else.",
        )


def proxies(patient: Patient) -> Iterator[Finding]:
    """Look whether clients' addresses arrive, on which all limits rest."""
    settings = patient.settings
    networks = ", ".join(str(each) for each in settings.trusted_proxies)
    if settings.https and not networks and not settings.encrypted:
        yield warn(
            "PUBLIC_URL is https, so a proxy stands in front; TRUSTED_PROXIES names "
            "none: to the server all people have the proxy's address, and one limit.",
            "Set TRUSTED_PROXIES to the address that the proxy connects from.",
        )
    elif is_loopback(settings.host) and networks and not _trusts_loopback(patient):
        yield warn(
            f"HOST is loopback, so the proxy connects from this machine, and "
            f"TRUSTED_PROXIES ({networks}) does not name it.",
            "Add 127.0.0.1/32 (and ::1/128 if the proxy uses it) to TRUSTED_PROXIES.",
        )
    else:
        yield ok(networks or "none: people connect directly")


def public_url(patient: Patient) -> Iterator[Finding]:
    """Ask PUBLIC_URL for /healthz, as a load balancer would."""
    url = patient.settings.public_url
    if names_this_machine(url):
        yield ok(f"{url} is this machine alone; HOST and PORT are looked at above")
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        yield warn(
            f"the name {host} is not known here.",
            "Make a DNS entry for it that leads to the proxy, or here without one.",
        )
        return
    fault = _not_us(_connection(host, parts.port, https=patient.settings.https), url)
    if fault:
        certified = (
            "it has a certificate that browsers know"
            if patient.settings.encrypted
            else PROXY_IS_CERTIFIED
        )
        yield warn(
            f"{url}/healthz: {fault}.",
            f"Start the server, and see that {certified}. Ignore this if people reach "
            "it by a network that this machine does not see.",
        )
    else:
        yield ok(f"{url} leads to an {NAME}")


def _bind(host: str, number: int) -> None:
    """Bind and let go, without listening: no server is disturbed by that."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":  # as the server does; elsewhere it means theft
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, number))


def _trusts_loopback(patient: Patient) -> bool:
    nearby = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    return any(
        address in network
        for address in nearby
        for network in patient.settings.trusted_proxies
    )


def _connection(
    host: str, number: int | None, *, https: bool, trusting: bool = False
) -> HTTPConnection:
    if not https:
        return HTTPConnection(host, number, timeout=PATIENCE_S)
    import ssl
    from http.client import HTTPSConnection

    context = ssl.create_default_context()
    if trusting:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, number, timeout=PATIENCE_S, context=context)


def _not_us(connection: HTTPConnection, url: str) -> str:
    """Return why the answer to /healthz is none of ours; empty if it is."""
    try:
        # Redirects are answers of somebody else.
        connection.request("GET", f"{urlsplit(url).path}/healthz")
        answer = connection.getresponse()
        content = answer.read(FAR_TOO_LONG)
        ours = answer.getheader("X-Request-Id") and json.loads(content)
    except (OSError, HTTPException, ValueError) as error:
        return str(getattr(error, "strerror", None) or error or type(error).__name__)
    finally:
        connection.close()
    if answer.status == 200 and ours == {"status": "ok"}:
        return ""
    return f"something else answers, with status {answer.status}"
