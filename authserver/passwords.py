"""Passwords: how they are stored, and which ones are too easy to guess.

A stored hash is one line that says how it was made:

    $2b$12$<salt, 22><hash, 31>                   bcrypt, 2**12 rounds
    $hmac-sha256$2b$12$<salt, 22><hash, 31>       bcrypt of a long password
    $scrypt$ln=15,r=8,p=3$<salt, 22>$<hash, 43>   scrypt, N = 2**15, base64

Both are slow on purpose and salted, so a stolen table must be guessed row by
row at some tenths of a second per guess. scrypt (RFC 7914) also needs 32 MiB at
a time; it is in the standard library, for where bcrypt is not installed.

* bcrypt knows 72 bytes; older libraries silently ignore the rest, and a login
  at Okta once passed on a user name alone, because it filled those 72. A longer
  password is first condensed with HMAC-SHA256, and the hash is labelled so.
  Verification goes by the label, never by the length typed: else the condensed
  form, read from a log, would be a second password. Base64, as C stops at NUL.
* scrypt always gets the condensed form. It makes its input an HMAC key, and to
  HMAC a short key with NULs behind it is the same key (RFC 2104 section 2).
* A password counts exactly as typed: nothing is trimmed, no case is folded, no
  Unicode is normalised. What normalising yields depends on the Unicode version
  of the Python in use, and an update must not lock anybody out.
* An unknown account costs one hash of the configured kind, against a dummy, so
  that the answer's duration does not tell whether the account exists.
* Every kind verifies, whichever is configured; `needs_rehash` then says that
  the next right password should replace the hash by one of today's.

The policy follows NIST SP 800-63B section 5.1.1.2: length counts, mixing kinds
of characters does not, and what everybody tries first is refused: one's own
identifiers, a list of common stems with their usual decoration ("P@ssw0rd1!"),
dates, repetitions and keyboard walks.

Hashing blocks for its whole duration; `hashing` has the threads for it.
"""

import base64
import functools
import hashlib
import hmac
import importlib.util
import logging
import re
import secrets
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

from authserver import errors

MIN_CHARS = 8  # NIST SP 800-63B section 5.1.1.2
MAX_CHARS = 128  # bounds the work; the longest sentence anybody types fits
BCRYPT_MAX_BYTES = 72
SALT_BYTES, HASH_BYTES = 16, 32
SCRYPT_COST = (15, 8, 3)  # log2(N), r, p: 32 MiB, as OWASP advises for that size
# A stored hash that asks for more is damaged, and must not stop the server.
SCRYPT_MAX_MEMORY_BYTES, SCRYPT_MAX_P = 256 << 20, 16

LONG_LABEL = "$hmac-sha256"
LONG_KEY = b"authserver long password"  # not secret: it separates, nothing more
BCRYPT_FORM = re.compile(
    r"(\$hmac-sha256)?(\$2[aby]\$(?:0[4-9]|1[0-7])\$[./A-Za-z0-9]{53})"
)
SCRYPT_FORM = re.compile(
    r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})"
    r"\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})"
)

Kind = Literal["bcrypt", "scrypt"]

log = logging.getLogger(__name__)


def available_kinds() -> tuple[Kind, ...]:
    """Return the kinds that this Python can compute, the best first."""
    kinds: list[Kind] = []
    if importlib.util.find_spec("bcrypt"):  # looks, but does not import it yet
        kinds.append("bcrypt")
    if hasattr(hashlib, "scrypt"):  # absent when OpenSSL was built without
        kinds.append("scrypt")
    return tuple(kinds)


class Hasher:
    """Makes hashes of one kind and cost, verifies those of every kind."""

    def __init__(self, kind: Kind, *, bcrypt_rounds: int) -> None:
        if kind == "bcrypt":
            self._cost = f"$2b${bcrypt_rounds:02d}$"
            # Salt and hash of zeros: slow to verify like any, and free to make.
            self._dummy = self._cost + 53 * "."
        else:
            self._cost = "$scrypt$ln={},r={},p={}$".format(*SCRYPT_COST)
            self._dummy = f"{self._cost}{22 * 'A'}${43 * 'A'}"
        self._kind = kind
        self._rounds = bcrypt_rounds

    def hash(self, password: str) -> str:
        """Return a salted hash to store. Slow.

        Raises `errors.Unavailable` if bcrypt is configured and not installed.
        """
        secret = _encode(password)
        if self._kind == "scrypt":
            salt = secrets.token_bytes(SALT_BYTES)
            derived = scrypt(_condense(secret), salt, SCRYPT_COST, HASH_BYTES)
            return f"{self._cost}{_base64(salt)}${_base64(derived)}"
        long = len(secret) > BCRYPT_MAX_BYTES
        bcrypt = _bcrypt()
        hashed: bytes = bcrypt.hashpw(
            _condense(secret) if long else secret, bcrypt.gensalt(self._rounds)
        )
        return (LONG_LABEL if long else "") + hashed.decode()

    def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether `password` made the hash `stored`. Slow in every case.

        None (no such account) and a malformed hash never match. Raises
        `errors.Unavailable` for a bcrypt hash where bcrypt is not installed:
        a broken installation must not look like a wrong password.
        """
        secret = _encode(password)
        if stored is not None:
            matched = _matches(secret, stored)
            if matched is not None:
                return matched
            log.warning("a stored password hash is malformed")
        _matches(secret, self._dummy)
        return False

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether `stored` is of another kind or cost than is made now."""
        return not stored.removeprefix(LONG_LABEL).startswith(self._cost)


def scrypt(
    secret: bytes, salt: bytes, cost: tuple[int, int, int], length: int
) -> bytes:
    """Return scrypt (RFC 7914 section 6) at `cost`: log2(N), r and p."""
    log2_n, r, p = cost
    memory = 128 * r * ((1 << log2_n) + p + 2)  # what OpenSSL asks for, exactly
    return hashlib.scrypt(
        secret, salt=salt, n=1 << log2_n, r=r, p=p, maxmem=memory, dklen=length
    )


def _matches(secret: bytes, stored: str) -> bool | None:
    """Compare; None if `stored` is no hash of a kind that we know."""
    try:
        if form := BCRYPT_FORM.fullmatch(stored):
            return _matches_bcrypt(secret, form[2], labelled=form[1] is not None)
        form = SCRYPT_FORM.fullmatch(stored)
        return _matches_scrypt(secret, form) if form else None
    except ValueError:  # right in shape, impossible in value
        return None


def _matches_bcrypt(secret: bytes, stored: str, *, labelled: bool) -> bool:
    fits = labelled or len(secret) <= BCRYPT_MAX_BYTES
    # What does not fit cannot match, but takes as long to refuse.
    material = _condense(secret) if labelled or not fits else secret
    matched: bool = _bcrypt().checkpw(material, stored.encode())
    return matched and fits


def _matches_scrypt(secret: bytes, form: re.Match[str]) -> bool:
    log2_n, r, p = (int(form[group]) for group in (1, 2, 3))
    if 128 * r << log2_n > SCRYPT_MAX_MEMORY_BYTES or p > SCRYPT_MAX_P:
        raise ValueError("a cost that nobody sets")
    salt = base64.b64decode(form[4] + "==")
    derived = scrypt(_condense(secret), salt, (log2_n, r, p), HASH_BYTES)
    return hmac.compare_digest(_base64(derived).encode(), form[5].encode())


def _bcrypt() -> ModuleType:
    """Import bcrypt at first use: it costs memory that not everybody needs."""
    try:
        return importlib.import_module("bcrypt")
    except ImportError as error:
        raise errors.Unavailable("the package bcrypt is not installed") from error


def _encode(password: str) -> bytes:
    # Half a surrogate pair has no UTF-8; `fault` keeps it out of new passwords.
    return password.encode("utf-8", "surrogatepass")


def _condense(secret: bytes) -> bytes:
    """Return 44 bytes of ASCII that stand for a password of any length."""
    return base64.b64encode(hmac.digest(LONG_KEY, secret, hashlib.sha256))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def fault(password: str, *, identifiers: Iterable[str]) -> str | None:
    """Return a sentence on why `password` may not be chosen, or None if it may.

    `identifiers` are the person's own, in canonical form.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        return f"A password has {MIN_CHARS} to {MAX_CHARS} characters."
    if re.search(r"[\ud800-\udfff]", password):
        return "The password contains a character that is not valid Unicode."
    if any(_names(password, identifier) for identifier in identifiers):
        return "A password must not be your user name, e-mail address or number."
    if _is_common(password.lower()):
        return "This password is among those that are tried first. Choose another."
    return None


def _names(password: str, identifier: str) -> bool:
    """Tell whether a password is an identifier, or a well-known part of it."""
    typed, own = password.casefold(), identifier.casefold()
    local, at, _ = own.partition("@")
    # Digits: a phone number without its plus, also in its national form.
    national = typed.isdigit() and own.startswith("+") and own.endswith(typed)
    return typed == own or (bool(at) and typed == local) or national


# What fingers do on a keyboard or keypad, and what heads do with the alphabet.
WALKS = (
    "12345678901 abcdefghijklmnopqrstuvwxyz qwertyuiop qwertzuiop azertyuiop "
    "asdfghjkl; zxcvbnm,./ 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ 147258369 "
    "741852963 14789632147 12369874123 !@#$%^&*()"
)
WALKS_BOTH_WAYS = f"{WALKS} {WALKS[::-1]}"
MIN_WALK_CHARS = 3
MAX_DECORATION_CHARS = 5  # "2024!" behind a stem adds no more than a habit
DECORATION = string.digits + string.punctuation + " "
DAY, MONTH = "(?:0[1-9]|[12][0-9]|3[01])", "(?:0[1-9]|1[0-2])"
YEAR = "(?:19|20)[0-9]{2}"
DATE = re.compile(f"{DAY}{MONTH}{YEAR}|{MONTH}{DAY}{YEAR}|{YEAR}{MONTH}{DAY}")
LOOK_ALIKES = (  # "1" stands for i as well as for l
    str.maketrans("0134578@$!|+", "oieastbasiit"),
    str.maketrans("0134578@$!|+", "oleastbasllt"),
)


def _is_common(text: str) -> bool:
    if _is_regular(text) or DATE.fullmatch(re.sub("[-./ ]", "", text)):
        return True
    return not _common_stems().isdisjoint(_stems(text))


def _is_regular(text: str) -> bool:
    """Tell whether a rule of a few words would generate `text`."""
    period = (text + text).find(text, 1)  # its own length, unless it repeats
    interleaved = text[::2], text[1::2]  # "1q2w3e4r", "a1b2c3d4", "10203040"
    return (
        len(set(text)) <= 3
        or period < MIN_CHARS
        or 4 * _left_over(text) <= len(text)
        or not any(_left_over(half) for half in interleaved)
    )


def _left_over(text: str) -> int:
    """Count the characters outside of walks and of runs of one character."""
    position = left_over = 0
    while position < len(text):
        step = _walk_chars(text, position)
        if step < MIN_WALK_CHARS:
            step = 1
            left_over += 1
        position += step
    return left_over


def _walk_chars(text: str, start: int) -> int:
    """Return how many characters from `start` on are one walk or one run."""
    end = start + 1
    while end < len(text) and text[start : end + 1] in WALKS_BOTH_WAYS:
        end += 1
    run = len(text) - start - len(text[start:].lstrip(text[start]))
    return max(end - start, run)


def _stems(text: str) -> Iterator[str]:
    """Yield what is left of `text` without decoration and look-alikes."""
    bare = text.rstrip(DECORATION), text.lstrip(DECORATION), text.strip(DECORATION)
    for stem in {text, *bare}:
        if len(text) - len(stem) <= MAX_DECORATION_CHARS:
            yield stem
            yield from (stem.translate(table) for table in LOOK_ALIKES)


@functools.cache
def _common_stems() -> frozenset[str]:
    """Read the data file, which describes its own format."""
    text = Path(__file__).with_name("common_passwords.txt").read_text("ascii")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    stem = ""
    stems = set()
    for kept, rest in re.findall("([0-9])([a-z]+)", "".join(lines)):
        stem = stem[: int(kept)] + rest
        stems.add(stem)
    return frozenset(stems)
