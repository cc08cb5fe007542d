"""The server's secret keys: one secret in, one key per purpose out.

    SECRET_KEY (or the key file)      what the operator keeps
        |  HMAC-SHA256(secret, "authserver " + label)
        +-- access token              what the code uses; each purpose has
        +-- one-time code             its own, so that a value made for one
        +-- refresh token             is worth nothing where another is due

HMAC is a pseudo-random function, so a derived key reveals neither the secret
nor a sibling. HKDF would first extract randomness from an uneven secret; ours
is random already, and RFC 5869 section 3.3 lets that step go.

Rotation: `Keyring` takes several secrets. The first one signs, all of them
verify. Each has a key id ("kid"), itself derived, so it names the secret, the
same in every process and after every restart, without telling anything of it.
Rows and tokens carry the kid of the key they depend on; when a secret leaves
the list, exactly what depended on it dies.

Without SECRET_KEY, a server with a new SQLite database makes a key file beside
it. Its rules, and the hole each closes:

* It is made complete under another name, then linked: never half a key after
  a crash, never two keys when two processes start at once.
* File and folder are synced before the key is used: a power cut must not take
  a key that already signed something.
* Mode 0600, and a file that others may read is refused: whoever reads the key
  can log in as anybody.
* It is made only for a new database. A missing key with an old database means
  a wrong folder or a lost file, and a silent new key would log everybody out.

The content is 43 characters of base64url; these characters are the secret, so
the same text works as SECRET_KEY when the server moves elsewhere.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from authserver import setting_sources

MIN_SECRET_BYTES = 32  # RFC 7518 section 3.2: as long as the hash's output
EXAMPLE = b"change-me"  # how the value in .env.example begins
LABEL_PREFIX = "authserver "
KID_LABEL = "key id"
KID_CHARS = 16  # 64 bits: enough to tell a handful of keys apart
KEY_FILE_TEXT = re.compile(rb"[A-Za-z0-9_-]{43}\n?")
KEY_FILE_MAX_BYTES = 4096  # read no more of a file that is not ours
READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileError(Exception):
    """The key file cannot be used; the text is a sentence for the operator."""


class Keyring:
    """All secrets in force. `current` is the kid of the one that signs."""

    __slots__ = ("_derived", "_secrets", "current")

    def __init__(self, ring: Sequence[bytes]) -> None:
        if not ring:
            raise ValueError("a keyring needs at least one secret")
        self._secrets = {_kid(secret): secret for secret in ring}
        self.current = _kid(ring[0])
        self._derived: dict[str, dict[str, bytes]] = {}  # what was asked for so far

    def __contains__(self, kid: str) -> bool:
        return kid in self._secrets

    def derive(self, label: str, kid: str) -> bytes | None:
        """Return the key for purpose `label`, or None for an unknown `kid`."""
        return self.derived(label).get(kid)

    def derived(self, label: str) -> dict[str, bytes]:
        """Return the keys for purpose `label` of all secrets, by kid."""
        keys = self._derived.get(label)
        if keys is None:
            keys = {kid: _derive(key, label) for kid, key in self._secrets.items()}
            self._derived[label] = keys
        return keys


def weakness(secret: bytes) -> str | None:
    """Return why `secret` must not be used, as a predicate, or None if it may.

    Catches what people leave in by mistake; it cannot measure randomness.
    """
    text = secret.strip()
    if not text:
        return "is blank."
    if text.lower().startswith(EXAMPLE):  # also one that somebody made longer
        return "is the example value; make your own."
    if len(text) < MIN_SECRET_BYTES:
        return f"is shorter than {MIN_SECRET_BYTES} bytes."
    if len(set(text)) == 1:
        return "is one character repeated."
    return None


def load_or_create(path: Path, *, may_create: bool) -> bytes:
    """Return the secret in the key file at `path`, made first if it may be.

    `may_create` is for a new database only. Raises `KeyFileError`.
    """
    try:
        if may_create and not path.exists():
            _create(path)
        return _load(path)
    except FileNotFoundError as error:
        if may_create and not os.path.lexists(path):  # in a folder like /proc
            raise KeyFileError(
                f"The key file {path}, beside the database, cannot be made there."
            ) from error
        raise KeyFileError(
            f"The key file {path} is missing. Restore it, or set SECRET_KEY."
        ) from error
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be used: {error.strerror or error}."
        ) from error


def _kid(secret: bytes) -> str:
    return _derive(secret, KID_LABEL).hex()[:KID_CHARS]


def _derive(secret: bytes, label: str) -> bytes:
    return hmac.digest(secret, (LABEL_PREFIX + label).encode(), hashlib.sha256)


def _load(path: Path) -> bytes:
    with open(path, "rb", opener=setting_sources.open_at_once) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileError(f"The key file {path} is not a regular file.")
        # Windows has access lists instead; its mode bits say nothing.
        if os.name == "posix" and mode & READABLE_BY_OTHERS:
            raise KeyFileError(
                f"The key file {path} is open to other users. Run: chmod 600 {path}"
            )
        text = file.read(KEY_FILE_MAX_BYTES)
    if not KEY_FILE_TEXT.fullmatch(text):
        raise KeyFileError(
            f"The key file {path} is damaged: it must hold exactly the 43 "
            "characters written into it. Restore it, or set SECRET_KEY."
        )
    secret = text.rstrip(b"\n")
    fault = weakness(secret)
    if fault:
        raise KeyFileError(f"The key in {path} {fault}")
    return secret


def _create(path: Path) -> None:
    """Make a key file that appears at `path` complete and durable, or not."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(draft, flags, 0o600), "wb") as file:
            file.write(secrets.token_urlsafe(MIN_SECRET_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike rename, link refuses to replace a file: of two processes that
        # start at once, both end up reading the one key that came first.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows cannot open a folder, and needs no sync of one
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
