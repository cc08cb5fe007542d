"""A stored hash as text: it says how it was made.

    $2b$12$<salt, 22><hash, 31>                    bcrypt ($2a$, $2y$ as well)
    $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>   Argon2 (argon2i, argon2d)
    $scrypt$ln=15,r=8,p=3$<salt>$<hash>            scrypt, N = 2**15
    $hmac-sha256 and one of the first or third     of the condensed password

The second and third are PHC strings: names, numbers, unpadded base64. The label
in front of the last is ours; without it, they mean what they mean elsewhere. So
users can come from other systems with the hashes that they have, among them

    pbkdf2_sha256$<iterations>$<salt>$<hash>       Django
    bcrypt_sha256$$2b$12$...                       of the password's SHA-256
    bcrypt$$2b$12$...   argon2$argon2id$v=19...    as above, behind a word
    scrypt$16384$<salt>$8$5$<hash>                 N, salt, r, p
    pbkdf2:sha256:600000$<salt>$<hash>             Werkzeug, hash in hex
    scrypt:32768:8:1$<salt>$<hash>                 N, r, p

* bcrypt knows 72 bytes; older libraries silently ignore the rest, and a login
  at Okta once passed on a user name alone, because it filled those 72. Ours are
  condensed first when they are longer, and labelled so. Verification goes by
  the label, never by the length typed: else the condensed form, read from a
  log, would be a second password.
* Where another system cut a password, nothing longer than 72 bytes verifies:
  to cut here too would let everybody in who knows the beginning. The few whose
  password is that long must reset it once.
* scrypt is always given the condensed form by us. It makes its input an HMAC
  key, and to HMAC a short key with NULs behind it is the same key (RFC 2104
  section 2). Foreign scrypt and PBKDF2 keep that flaw until the first login.
* Argon2 hashes the password together with its length (RFC 9106 section 3.2), so
  any bytes go in as they are.

`parse` decides everything that can be decided without computing: a text that it
takes can be verified, in bounded time and memory.
"""

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NamedTuple

from authserver.passwords import derivation
from authserver.passwords.derivation import Argon2, Scrypt

MAX_CHARS = 512  # of the column
BCRYPT_MAX_BYTES = 72
CONDENSED = "$hmac-sha256"  # the label
CONDENSING_KEY = b"authserver long password"  # not secret: it separates only


class StoredHash(NamedTuple):
    """A stored hash, taken apart."""

    kind: str  # of function: bcrypt, argon2, scrypt or pbkdf2
    derive: Callable[[bytes], bytes]
    expected: bytes
    rounds: int = 0  # of bcrypt

    def matches(self, secret: bytes) -> bool:
        """Compute and compare, in constant time. Slow.

        Raises `errors.Unavailable` where the function's package is missing: a
        broken installation must not look like a wrong password.
        """
        return hmac.compare_digest(self.derive(secret), self.expected)


def parse(text: str) -> StoredHash:
    """Return what `text` asks for; `ValueError` if that cannot be computed."""
    if len(text) <= MAX_CHARS:
        for form, reader in FORMS:
            if found := re.fullmatch(form, text):
                return reader(found)
    raise ValueError("no form of hash that is known here")


def condense(secret: bytes) -> bytes:
    """Return 44 bytes of ASCII that stand for a password of any length."""
    return base64.b64encode(hmac.digest(CONDENSING_KEY, secret, hashlib.sha256))


def unpadded(data: bytes) -> str:
    """Return base64 as PHC strings have it."""
    return base64.b64encode(data).rstrip(b"=").decode()


def _bcrypt(form: re.Match[str]) -> StoredHash:
    labelled = form.groupdict().get("label")
    derive = _bcrypt_of_condensed if labelled else _bcrypt_of_short
    text = form["bcrypt"]
    salted = functools.partial(derive, text[:29])
    return StoredHash("bcrypt", salted, text.encode(), int(text[4:6]))


def _bcrypt_of_condensed(salt: str, secret: bytes) -> bytes:
    return derivation.bcrypt(condense(secret), salt)


def _bcrypt_of_short(salt: str, secret: bytes) -> bytes:
    if len(secret) <= BCRYPT_MAX_BYTES:
        return derivation.bcrypt(secret, salt)
    # What does not fit cannot match, but takes as long to refuse.
    derivation.bcrypt(condense(secret), salt)
    return b""


def _bcrypt_of_sha256(form: re.Match[str]) -> StoredHash:
    text = form["bcrypt"]

    def derive(secret: bytes) -> bytes:
        return derivation.bcrypt(hashlib.sha256(secret).hexdigest().encode(), text[:29])

    return StoredHash("bcrypt", derive, text.encode(), int(text[4:6]))


def _argon2(form: re.Match[str]) -> StoredHash:
    # A string without version is of the first, which wrote none.
    version = int(form["version"] or 16)
    memory_kib, passes, lanes = (int(form[name]) for name in ("m", "t", "p"))
    cost = Argon2(form["variant"], version, memory_kib, passes, lanes)
    derivation.check_argon2(cost)
    salt, expected = _bytes(form["salt"]), _bytes(form["hash"])

    def derive(secret: bytes) -> bytes:
        return derivation.argon2(secret, salt, cost, len(expected))

    return StoredHash("argon2", derive, expected)


def _scrypt_phc(form: re.Match[str]) -> StoredHash:
    cost = Scrypt(int(form["ln"]), int(form["r"]), int(form["p"]))
    salt, expected = _bytes(form["salt"]), _bytes(form["hash"])
    prepare = condense if form["label"] else bytes
    return _scrypt(cost, salt, expected, prepare)


def _scrypt_django(form: re.Match[str]) -> StoredHash:
    return _scrypt(_scrypt_cost(form), form["salt"].encode(), _bytes(form["hash"]))


def _scrypt_werkzeug(form: re.Match[str]) -> StoredHash:
    expected = bytes.fromhex(form["hash"])
    return _scrypt(_scrypt_cost(form), form["salt"].encode(), expected)


def _scrypt_cost(form: re.Match[str]) -> Scrypt:
    n = int(form["n"])
    log2_n = n.bit_length() - 1
    if n != 1 << max(log2_n, 0):
        raise ValueError("an N of scrypt that is no power of two")
    return Scrypt(log2_n, int(form["r"]), int(form["p"]))


def _scrypt(
    cost: Scrypt,
    salt: bytes,
    expected: bytes,
    prepare: Callable[[bytes], bytes] = bytes,
) -> StoredHash:
    derivation.check_scrypt(cost)

    def derive(secret: bytes) -> bytes:
        return derivation.scrypt(prepare(secret), salt, cost, len(expected))

    return StoredHash("scrypt", derive, expected)


def _pbkdf2_django(form: re.Match[str]) -> StoredHash:
    return _pbkdf2(form, "sha256", _bytes(form["hash"]))


def _pbkdf2_werkzeug(form: re.Match[str]) -> StoredHash:
    return _pbkdf2(form, form["digest"], bytes.fromhex(form["hash"]))


def _pbkdf2(form: re.Match[str], digest: str, expected: bytes) -> StoredHash:
    iterations, salt = int(form["iterations"]), form["salt"].encode()
    derivation.check_pbkdf2(iterations)
    if len(expected) != hashlib.new(digest).digest_size:  # else never equal
        raise ValueError("a hash of another length than its digest")

    def derive(secret: bytes) -> bytes:
        return hashlib.pbkdf2_hmac(digest, secret, salt, iterations)

    return StoredHash("pbkdf2", derive, expected)


def _bytes(base64_text: str) -> bytes:
    return base64.b64decode(base64_text.rstrip("=") + "==")


# A salt of bcrypt ends in four bits of 22 * 6, hence the few last letters.
BCRYPT = (
    r"(?P<bcrypt>\$2[aby]\$(?:0[4-9]|1[0-7])\$"
    r"[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})"
)
# 8 bytes of salt and 16 of hash: less was never anybody's default.
PHC_TAIL = r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{22,86})"
ARGON2 = (
    r"\$argon2(?P<variant>id|i|d)(?:\$v=(?P<version>16|19))?"
    r"\$m=(?P<m>[0-9]{1,9}),t=(?P<t>[0-9]{1,9}),p=(?P<p>[0-9]{1,3})" + PHC_TAIL
)
SCRYPT = r"\$scrypt\$ln=(?P<ln>[0-9]{1,2}),r=(?P<r>[0-9]{1,2}),p=(?P<p>[0-9]{1,3})"
LABEL = r"(?P<label>\$hmac-sha256)?"
SALT = r"\$(?P<salt>[!-#%-~]{1,64})"  # printable, but no $
ITERATIONS = r"(?P<iterations>[0-9]{1,9})"
N, R, P = r"(?P<n>[0-9]{1,9})", r"(?P<r>[0-9]{1,2})", r"(?P<p>[0-9]{1,3})"

# As text: `re` compiles each when it is first met, and keeps it.
FORMS = (
    (LABEL + BCRYPT, _bcrypt),
    (ARGON2, _argon2),
    (LABEL + SCRYPT + PHC_TAIL, _scrypt_phc),
    (r"bcrypt\$" + BCRYPT, _bcrypt),
    (r"bcrypt_sha256\$" + BCRYPT, _bcrypt_of_sha256),
    ("argon2" + ARGON2, _argon2),
    (
        rf"pbkdf2_sha256\${ITERATIONS}{SALT}\$(?P<hash>[A-Za-z0-9+/]{{43}}=)",
        _pbkdf2_django,
    ),
    (
        rf"scrypt\${N}{SALT}\${R}\${P}\$(?P<hash>[A-Za-z0-9+/]{{86}}==)",
        _scrypt_django,
    ),
    (
        rf"pbkdf2:(?P<digest>sha1|sha256|sha512):{ITERATIONS}{SALT}"
        r"\$(?P<hash>[0-9a-f]{40,128})",
        _pbkdf2_werkzeug,
    ),
    (rf"scrypt:{N}:{R}:{P}{SALT}\$(?P<hash>[0-9a-f]{{128}})", _scrypt_werkzeug),
)
