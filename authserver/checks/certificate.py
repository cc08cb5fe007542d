"""The certificate that the server shows when it speaks TLS itself.

It is looked at the way a browser does: by shaking hands, here in memory, with
PUBLIC_URL's host as the name to be proven. Whether browsers know who signed it
is not asked here; `reachability.public_url` finds out.
"""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from authserver.checks import Finding, Patient, configuration, fail, fail_at, ok, warn
from authserver.settings import SettingsError
from authserver.web import certificate

SOON_DAYS = 14
DAY_S = 86_400
RENEWED = "The server takes new files within a minute, without a restart."


def shown(patient: Patient) -> Iterator[Finding]:
    """Look at TLS_CERT and TLS_KEY."""
    settings = patient.settings
    chain, key = Path(settings.tls_cert), Path(settings.tls_key)
    try:
        context = certificate.make_context(chain, key)
    except SettingsError as error:
        yield fail_at(key if error.name == "tls_key" else chain, error)
        return
    if certificate.open_to_everybody(key):
        yield configuration.closed(key)
    host = urlsplit(settings.public_url).hostname or ""
    try:
        end = _end_of_validity(context, chain, host)
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message.rstrip(".").lower()
        yield fail(f"{chain}: {reason}.", f"Get one for {host}. {RENEWED}")
        return
    days = (end - patient.now) // DAY_S
    if days < SOON_DAYS:
        yield warn(f"{chain} expires in {days} days.", f"Renew it. {RENEWED}")
    else:
        yield ok(f"{chain} is for {host}, {days} days more")


def _end_of_validity(server: ssl.SSLContext, chain: Path, host: str) -> int:
    """Shake hands; return when the certificate expires, in epoch seconds."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.hostname_checks_common_name = False  # as in browsers
    # Trusted for itself, whoever signed it.
    client.load_verify_locations(chain)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=host)
    showing = server.wrap_bio(there, back, server_side=True)
    for side in (asking, showing, asking):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    seen = asking.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(seen["notAfter"]))
