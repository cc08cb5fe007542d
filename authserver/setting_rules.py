"""Rules between settings: each value is fine alone, together they may not be.

`check` refuses what cannot work or would not be safe; `doubts` are sentences
for what works but is unwise. They see a `Settings` all of whose values have
been read.
"""

import ipaddress
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from authserver.setting_sources import SettingsError

if TYPE_CHECKING:
    from authserver.settings import Settings

# Prefix lengths of the widest networks that are trusted. 10.0.0.0/8 is the
# largest private one; what is wider is a part of the internet, and two halves
# are all of it.
WIDEST = {4: 8, 6: 16}
PRIVATE_IPV6 = ipaddress.ip_network("fc00::/7")  # RFC 4193
SYSTEM = os.name  # "posix", or "nt" for Windows
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def check(settings: "Settings") -> None:
    """Raise `SettingsError` for the first rule that is broken."""
    _check_tls(settings)
    _check_addresses(settings)
    _check_workers(settings)
    _check_email(settings)
    _check_sms(settings)


def doubts(settings: "Settings") -> list[str]:
    """Return a sentence for everything that works but is unwise."""
    found = []
    if settings.bcrypt_rounds < 10:
        found.append("BCRYPT_ROUNDS is below 10: stolen hashes are cheap to guess.")
    if not settings.require_verification:
        found.append(
            "REQUIRE_VERIFICATION is false: anybody may register anybody's address."
        )
    if not is_loopback(settings.host) and names_this_machine(settings.public_url):
        remedy = (
            "set PUBLIC_URL to the address that people type."
            if settings.encrypted
            else "put TLS in front, or set TLS_CERT and TLS_KEY, and set PUBLIC_URL to "
            "the https address."
        )
        found.append(
            "HOST accepts other machines while PUBLIC_URL names only this one: "
            f"{remedy}"
        )
    return found


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def names_this_machine(url: str) -> bool:
    """Tell whether a URL's host can only mean this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def _check_tls(settings: "Settings") -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        missing = "tls_key" if settings.tls_cert else "tls_cert"
        raise SettingsError(missing, "is missing: TLS needs a certificate and its key.")
    if settings.encrypted and not settings.https:
        raise SettingsError(
            "public_url", "must begin with https://, because TLS_CERT is set."
        )


def _check_addresses(settings: "Settings") -> None:
    public_is_local = names_this_machine(settings.public_url)
    if not settings.https and not public_is_local:
        raise SettingsError(
            "public_url",
            "must begin with https:// unless it names this machine (localhost): "
            "passwords would travel in clear.",
        )
    for network in settings.trusted_proxies:
        if network.prefixlen < WIDEST[network.version] and network != PRIVATE_IPV6:
            raise SettingsError(
                "trusted_proxies",
                f"must not hold {network}: everybody in so large a part of the "
                "internet could claim any address.",
            )
    local_only = is_loopback(settings.host) and not public_is_local
    if local_only and settings.encrypted and not settings.trusted_proxies:
        raise SettingsError(
            "host",
            "is loopback and PUBLIC_URL is not: 0.0.0.0 (or ::, with IPv6) lets other "
            "machines in. If they come through a proxy, name it in TRUSTED_PROXIES.",
        )
    if local_only and not settings.trusted_proxies:
        raise SettingsError(
            "trusted_proxies",
            "must name the proxy that stands in front (127.0.0.1/32 on the same "
            "machine), because HOST is loopback and PUBLIC_URL is not: without it "
            "all clients would share one address and one limit.",
        )


def _check_workers(settings: "Settings") -> None:
    if settings.workers == 1:
        return
    if SYSTEM != "posix":
        raise SettingsError(
            "workers", "must be 1 on this system: only POSIX hands a socket on."
        )
    if not settings.database_url.startswith("mysql:"):
        raise SettingsError(
            "workers",
            "above 1 needs MySQL or MariaDB in DATABASE_URL: SQLite has one process.",
        )


def _check_email(settings: "Settings") -> None:
    if bool(settings.email_user) != bool(settings.email_pass):
        missing = "email_pass" if settings.email_user else "email_user"
        raise SettingsError(missing, "is missing: a mail login needs both parts.")
    if settings.email_configured and not re.fullmatch(
        r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+", settings.email_from
    ):
        raise SettingsError(
            "email_from", "must be the bare address that mails come from."
        )
    if (settings.email_port, settings.email_security) == (465, "starttls"):
        raise SettingsError(
            "email_security",
            "must be tls for EMAIL_PORT 465, where TLS comes first (RFC 8314).",
        )
    host = settings.email_host or "::1"
    if settings.email_security == "none" and not is_loopback(host):
        raise SettingsError(
            "email_security",
            "may be none only when EMAIL_HOST is this machine: codes would travel "
            "in clear.",
        )


def _check_sms(settings: "Settings") -> None:
    parts = ("twilio_sid", "twilio_token", "twilio_phone")
    missing = [name for name in parts if not getattr(settings, name)]
    if missing and len(missing) < len(parts):
        raise SettingsError(
            missing[0], "is missing: text messages need TWILIO_SID, TOKEN and PHONE."
        )
    if settings.twilio_sid and not re.fullmatch("AC[0-9A-Za-z]+", settings.twilio_sid):
        raise SettingsError(
            "twilio_sid", "must be the id of a Twilio account, which begins with AC."
        )
    # The sender may also be the id of a Messaging Service.
    sender = settings.twilio_phone
    if sender and not (
        E164.fullmatch(sender) or re.fullmatch("MG[0-9a-f]{32}", sender)
    ):
        raise SettingsError(
            "twilio_phone",
            "must be the number that text messages come from, like +12025550123, "
            "or the id of a Messaging Service.",
        )
    base = settings.twilio_base_url
    if base and not base.startswith("https:") and not names_this_machine(base):
        raise SettingsError(
            "twilio_base_url",
            "must begin with https:// unless it names this machine: codes would "
            "travel in clear.",
        )
