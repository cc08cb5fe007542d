"""The slow functions that turn a password into a hash.

    function  slow by              the dearest that is computed here
    bcrypt    2**rounds passes     17 rounds, which BCRYPT_ROUNDS allows
    argon2    memory, passes       256 MiB, passes over 1 GiB in all
    scrypt    memory, repetitions  the same
    pbkdf2    iterations           5 million

Slow on purpose and salted: a stolen table must be guessed row by row, at some
tenths of a second per guess. Argon2 (RFC 9106) and scrypt (RFC 7914) also need
memory, of which a machine for guessing has less than it has arithmetic. PBKDF2
(RFC 8018) has only its iterations; no new hash is made with it.

What a stored hash asks for is checked before it is computed. Whoever could
store one that takes a TiB or a year would otherwise stop the server by logging
in. Apart from bcrypt at 16 rounds and more, the dearest take a few seconds.

bcrypt and Argon2 are packages, imported at first use: they cost memory that not
everybody needs. The others are in the standard library.
"""

import hashlib
import importlib
import importlib.util
from types import ModuleType
from typing import NamedTuple

from authserver import errors

MAX_MEMORY_BYTES = 256 << 20  # at once, and there are several hashing threads
MAX_WORK_BYTES = 1 << 30  # memory filled, counted anew in each pass
MAX_LANES = 16  # of Argon2: each is a thread
MAX_ITERATIONS = 5_000_000
KINDS = ("bcrypt", "argon2", "scrypt", "pbkdf2")
PACKAGES = {"bcrypt": "bcrypt", "argon2": "argon2-cffi"}  # module, distribution


class Argon2(NamedTuple):
    """How Argon2 is computed, in the words of its PHC string."""

    variant: str  # "id", "i" or "d"
    version: int  # 19 is that of RFC 9106, 16 an earlier one
    memory_kib: int
    passes: int
    lanes: int


class Scrypt(NamedTuple):
    """How scrypt is computed (RFC 7914 section 2)."""

    log2_n: int
    r: int
    p: int

    @property
    def memory_bytes(self) -> int:
        """What one repetition fills."""
        return 128 * self.r << self.log2_n


def missing(kind: str) -> str | None:
    """Return what this installation lacks for `kind`, or None if nothing."""
    package = PACKAGES.get(kind)
    if package and not importlib.util.find_spec(kind):  # looks, does not import
        return f"the package {package} is not installed: pip install {package}"
    if kind == "scrypt" and not hasattr(hashlib, "scrypt"):
        return "this Python was built without scrypt"
    return None


def check_argon2(cost: Argon2) -> None:
    """Raise `ValueError` for what is impossible or too dear."""
    filled = cost.memory_kib << 10
    _check(1 <= cost.lanes <= MAX_LANES and 8 * cost.lanes <= cost.memory_kib)
    _check(cost.passes >= 1 and filled <= MAX_MEMORY_BYTES)
    _check(filled * cost.passes <= MAX_WORK_BYTES)


def check_scrypt(cost: Scrypt) -> None:
    """Raise `ValueError` for what is impossible or too dear."""
    # RFC 7914 section 2: N is below 2**(128 * r / 8).
    _check(1 <= cost.log2_n < 16 * cost.r and cost.log2_n < 32 and cost.p >= 1)
    _check(cost.memory_bytes <= MAX_MEMORY_BYTES)
    _check(cost.memory_bytes * cost.p <= MAX_WORK_BYTES)


def check_pbkdf2(iterations: int) -> None:
    """Raise `ValueError` for what is impossible or too dear."""
    _check(1 <= iterations <= MAX_ITERATIONS)


def bcrypt_salt(rounds: int) -> str:
    """Return the first 29 characters of a bcrypt hash to be."""
    salt: bytes = _module("bcrypt").gensalt(rounds)
    return salt.decode()


def bcrypt(secret: bytes, salt: str) -> bytes:
    """Return the whole text of the hash that begins with `salt`."""
    hashed: bytes = _module("bcrypt").hashpw(secret, salt.encode())
    return hashed


def argon2(secret: bytes, salt: bytes, cost: Argon2, length: int) -> bytes:
    """Return Argon2 (RFC 9106 section 3) at `cost`."""
    low_level = _module("argon2.low_level")
    try:
        derived: bytes = low_level.hash_secret_raw(
            secret,
            salt,
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=length,
            type=low_level.Type[cost.variant.upper()],
            version=cost.version,
        )
    except _module("argon2.exceptions").HashingError as error:  # no memory, no thread
        raise errors.Unavailable(f"argon2: {error}") from error
    return derived


def scrypt(secret: bytes, salt: bytes, cost: Scrypt, length: int) -> bytes:
    """Return scrypt (RFC 7914 section 6) at `cost`."""
    lacking = missing("scrypt")
    if lacking:
        raise errors.Unavailable(lacking)
    log2_n, r, p = cost
    memory = 128 * r * ((1 << log2_n) + p + 2)  # what OpenSSL asks for, exactly
    return hashlib.scrypt(
        secret, salt=salt, n=1 << log2_n, r=r, p=p, maxmem=memory, dklen=length
    )


def _check(possible: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if not possible:
        raise ValueError("a cost that is impossible or too dear")


def _module(name: str) -> ModuleType:
    """Import a package, which may be missing: no password is wrong for that."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = PACKAGES[name.partition(".")[0]]
        raise errors.Unavailable(f"the package {package} is not installed") from error
