"""Making password hashes of one kind, and verifying those of every kind.

    PASSWORD_HASHER  cost of a hash                          on one core
    bcrypt           2**BCRYPT_ROUNDS                        0.2 s at 12
    argon2           19 MiB, 2 passes, 1 lane                0.03 s
    scrypt           N = 2**15, r = 8, p = 3: 32 MiB, 3 times  0.2 s

Argon2id, the first choice of the OWASP Password Storage Cheat Sheet, has its
smallest figures: memory makes its guesses dear, not time. Those of scrypt are
from there as well. bcrypt is the default because it is the package that most
systems have; scrypt needs no package at all.

* A password counts exactly as typed: nothing is trimmed, no case is folded, no
  Unicode is normalised. What normalising yields depends on the Unicode version
  of the Python in use, and an update must not lock anybody out.
* Every kind verifies, whichever is configured; `needs_rehash` then says that
  the next right password should replace the hash by one of today's.
* An unknown account costs one hash of the configured kind, against a dummy, so
  that the answer's duration does not tell whether the account exists.

That last promise has a gap. A hash of another kind or cost than the configured
one takes its own time until its owner's first login, and so tells that the
account exists. It comes with an import or a change of the setting, and closes
with each login. Nothing cheap mends it: to be alike, everybody would have to
wait for the dearest hash in the table. Where it matters, import what has the
configured kind and cost, or reset what was never used.
"""

import logging
import secrets

from authserver.passwords import derivation, forms
from authserver.passwords.derivation import Argon2, Scrypt

SALT_BYTES, HASH_BYTES = 16, 32  # RFC 9106 section 4 advises both
ARGON2 = Argon2("id", 19, memory_kib=19456, passes=2, lanes=1)
SCRYPT = Scrypt(log2_n=15, r=8, p=3)

log = logging.getLogger(__name__)


class Hasher:
    """Makes hashes of one kind and cost, verifies those of every kind."""

    def __init__(self, kind: str, *, bcrypt_rounds: int) -> None:
        # Salt and hash of zeros: slow to verify like any, and free to make.
        zeros = f"{22 * 'A'}${43 * 'A'}"
        if kind == "bcrypt":
            self._cost, zeros = f"$2b${bcrypt_rounds:02d}$", 53 * "."
        elif kind == "argon2":
            self._cost = "$argon2{}$v={}$m={},t={},p={}$".format(*ARGON2)
        else:
            self._cost = forms.CONDENSED + "$scrypt$ln={},r={},p={}$".format(*SCRYPT)
        self._dummy = forms.parse(self._cost + zeros)
        self._kind = kind
        self._rounds = bcrypt_rounds

    def hash(self, password: str) -> str:
        """Return a salted hash to store. Slow.

        Raises `errors.Unavailable` if the configured kind is not installed.
        """
        secret = _encode(password)
        if self._kind == "bcrypt":
            return self._bcrypt(secret)
        salt = secrets.token_bytes(SALT_BYTES)
        if self._kind == "argon2":
            derived = derivation.argon2(secret, salt, ARGON2, HASH_BYTES)
        else:
            condensed = forms.condense(secret)
            derived = derivation.scrypt(condensed, salt, SCRYPT, HASH_BYTES)
        return f"{self._cost}{forms.unpadded(salt)}${forms.unpadded(derived)}"

    def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether `password` made `stored`. Slow in every case.

        None (no such account) and a malformed hash never match. Raises
        `errors.Unavailable` for a kind that is not installed.
        """
        secret = _encode(password)
        if stored is not None:
            try:
                return forms.parse(stored).matches(secret)
            except ValueError as error:
                log.warning("a stored password hash is malformed: %s", error)
        self._dummy.matches(secret)
        return False

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether the hash is of another kind or cost than is made now."""
        made_now = (self._cost, forms.CONDENSED + self._cost)
        return not stored.startswith(made_now)

    def _bcrypt(self, secret: bytes) -> str:
        salt = derivation.bcrypt_salt(self._rounds)
        if len(secret) <= forms.BCRYPT_MAX_BYTES:
            return derivation.bcrypt(secret, salt).decode()
        hashed = derivation.bcrypt(forms.condense(secret), salt)
        return forms.CONDENSED + hashed.decode()


def _encode(password: str) -> bytes:
    # Half a surrogate pair has no UTF-8; the policy keeps it out of new ones.
    return password.encode("utf-8", "surrogatepass")
