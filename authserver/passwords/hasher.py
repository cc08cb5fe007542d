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
* A wrong password for a hash of bcrypt with fewer rounds costs the same: 2**10
  passes for the stored hash, and 2**10 + 2**11 for dummies, are 2**12.

That promise has a gap: a hash of another kind, or a dearer one than today's. It
comes with an import or a change of the setting, and closes with its owner's
next login. Until then a wrong password takes the hash's own time, and for
another kind that of one dummy besides: never less than for an unknown account,
but more. Nothing cheap mends that: to be alike, everybody would have to wait
for the dearest hash in the table. Where it matters, import what is bcrypt of at
most the configured rounds, or reset what was never used.
"""

import logging
import secrets

from authserver.passwords import derivation, forms
from authserver.passwords.derivation import Argon2, Scrypt
from authserver.passwords.forms import StoredHash

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
        dummies: tuple[StoredHash, ...] = (self._dummy,)
        if stored is not None:
            try:
                found = forms.parse(stored)
                if found.matches(secret):
                    return True
                dummies = self._lacking(found, stored)
            except ValueError as error:
                log.warning("a stored password hash is malformed: %s", error)
        for dummy in dummies:
            dummy.matches(secret)
        return False

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether the hash is of another kind or cost than is made now."""
        made_now = (self._cost, forms.CONDENSED + self._cost)
        return not stored.startswith(made_now)

    def _lacking(self, found: StoredHash, stored: str) -> tuple[StoredHash, ...]:
        """Return what makes a mismatch as slow as for an unknown account."""
        if not self.needs_rehash(stored):
            return ()
        if self._kind == found.kind == "bcrypt":
            fewer = range(found.rounds, self._rounds)  # none for a dearer hash
            return tuple(forms.parse(f"$2b${each:02d}${53 * '.'}") for each in fewer)
        return (self._dummy,)

    def _bcrypt(self, secret: bytes) -> str:
        salt = derivation.bcrypt_salt(self._rounds)
        if len(secret) <= forms.BCRYPT_MAX_BYTES:
            return derivation.bcrypt(secret, salt).decode()
        hashed = derivation.bcrypt(forms.condense(secret), salt)
        return forms.CONDENSED + hashed.decode()


def _encode(password: str) -> bytes:
    # Half a surrogate pair has no UTF-8; the policy keeps it out of new ones.
    return password.encode("utf-8", "surrogatepass")
