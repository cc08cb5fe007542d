"""The certificate that we show, and its key: read at the start, and when new.

    TLS_CERT    ours first, then those that lead from it to one that browsers
                know ("fullchain"), as PEM
    TLS_KEY     its private key, as PEM, without a passphrase: nobody would be
                there to type it

What cannot be used stops the start with one sentence. Later it does not: a
certificate lives for months or weeks, somebody renews it while we serve, and
people forget to restart. So at most once a minute, and only when somebody
connects, we look whether a file has changed, and take what is there; from then
on new connections begin with it. If it cannot be used, as for the moment in
which only one of the two is new, the old one stays and the log says why.

TLS 1.2 and 1.3, as browsers do (RFC 8996 tells why not older ones), with what
OpenSSL and the system think right for them. No renegotiation: it would let a
client make us compute for nothing, as often as it likes.
"""

import logging
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from authserver.setting_sources import open_at_once
from authserver.settings import SettingsError

LOOK_EVERY_S: Final = 60
FILE_MAX_BYTES: Final = 1024 * 1024  # read no more of a file that is none of ours

log: Final = logging.getLogger("authserver.web")


class Certificate:
    """The files, and what connections begin with as long as they stay."""

    def __init__(self, chain: Path, key: Path, *, clock: Callable[[], float]) -> None:
        """Read both files; raises `SettingsError`."""
        self._chain, self._key, self._clock = chain, key, clock
        self._look_at = clock() + LOOK_EVERY_S
        self._seen = _look(chain), _look(key)
        self._context = make_context(chain, key)
        self._told = ""  # what was wrong with the files

    def context(self) -> ssl.SSLContext:
        """Return what a connection begins with; in any thread."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._renew()
        return self._context

    def _renew(self) -> None:
        # First the look: what changes while we read is found at the next one.
        seen = _look(self._chain), _look(self._key)
        if seen == self._seen:
            return
        try:
            self._context = make_context(self._chain, self._key)
        except SettingsError as error:
            # And tried again at the next look: whoever mends the owner of a
            # file changes nothing that we look at.
            if str(error) != self._told:
                log.error("the old certificate stays in use: %s", error)  # noqa: TRY400 - told
            self._told = str(error)
        else:
            self._seen, self._told = seen, ""
            log.info("took the new certificate in %s", self._chain)


def make_context(chain: Path, key: Path) -> ssl.SSLContext:
    """Return a server's side of TLS; raises `SettingsError`."""
    if b"-----BEGIN CERTIFICATE-----" not in _read("tls_cert", chain):
        raise SettingsError(
            "tls_cert", f"must name a PEM certificate; {chain} is none."
        )
    if b"PRIVATE KEY-----" not in _read("tls_key", key):
        raise SettingsError("tls_key", f"must name a PEM private key; {key} is none.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(chain, key, password=_refuse_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(
                "tls_key", f"({key}) is not the key of the certificate in TLS_CERT."
            ) from error
        raise _cause(chain, key) from error
    return context


def _cause(chain: Path, key: Path) -> SettingsError:
    """Return which of two files OpenSSL cannot use: it does not say so."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=_read("tls_cert", chain).decode("ascii"))
    except (ssl.SSLError, ValueError):
        return SettingsError("tls_cert", f"({chain}) holds a damaged certificate.")
    return SettingsError(
        "tls_key",
        f"({key}) is damaged, or another kind of key than that of the certificate in "
        f"TLS_CERT.",
    )


def open_to_everybody(key: Path) -> bool:
    """Tell if any user of this machine may read a key.

    A group may: Debian has one for those who serve with keys (ssl-cert).
    """
    # Windows has access lists instead; its mode bits say nothing.
    return os.name == "posix" and bool(key.stat().st_mode & stat.S_IRWXO)


def _refuse_passphrase() -> NoReturn:
    # Without this, OpenSSL would ask at the terminal, and wait.
    raise SettingsError("tls_key", "must not have a passphrase.")


def _look(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _read(name: str, path: Path) -> bytes:
    try:
        with open(path, "rb", opener=open_at_once) as file:
            return file.read(FILE_MAX_BYTES)
    except OSError as error:
        raise SettingsError(
            name, f"names {path}, which cannot be read: {error.strerror or error}."
        ) from error
