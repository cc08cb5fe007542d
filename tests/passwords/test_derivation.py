"""The slow functions are those of their RFCs, and refuse to be a burden."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from authserver import errors
from authserver.passwords import derivation
from authserver.passwords.derivation import Argon2, Scrypt

VECTORS = Path(__file__).parents[1] / "vectors"
SCRYPT_VECTORS = json.loads((VECTORS / "scrypt.json").read_text())
SALT = b"0123456789abcdef"


@pytest.mark.parametrize("vector", SCRYPT_VECTORS, ids=lambda vector: vector["salt"])
def test_scrypt_matches_rfc_7914_section_12(vector):
    # The fourth vector there takes 1 GiB of memory.
    derived = derivation.scrypt(
        vector["password"].encode(),
        vector["salt"].encode(),
        Scrypt(*vector["cost"]),
        64,
    )

    assert derived.hex() == vector["derived"]


@pytest.mark.parametrize(
    "cost",
    [
        Argon2("id", 19, memory_kib=8, passes=1, lanes=1),
        Argon2("id", 19, memory_kib=128, passes=1, lanes=16),
        Argon2("id", 19, memory_kib=102_400, passes=2, lanes=8),  # Django's default
        Argon2("id", 19, memory_kib=262_144, passes=3, lanes=1),  # of libsodium
        Argon2("id", 19, memory_kib=512, passes=2048, lanes=1),
    ],
)
def test_cost_that_somebody_sets_is_allowed_for_argon2(cost):
    derivation.check_argon2(cost)


@pytest.mark.parametrize(
    "cost",
    [
        Argon2("id", 19, memory_kib=7, passes=1, lanes=1),
        Argon2("id", 19, memory_kib=64, passes=1, lanes=0),
        Argon2("id", 19, memory_kib=64, passes=0, lanes=1),
        Argon2("id", 19, memory_kib=64, passes=1, lanes=9),
        Argon2("id", 19, memory_kib=512, passes=1, lanes=17),
        Argon2("id", 19, memory_kib=262_145, passes=1, lanes=1),
        Argon2("id", 19, memory_kib=262_144, passes=5, lanes=1),
        Argon2("id", 19, memory_kib=512, passes=2049, lanes=1),
    ],
)
def test_cost_that_is_impossible_or_absurd_is_refused_for_argon2(cost):
    with pytest.raises(ValueError, match="impossible or too dear"):
        derivation.check_argon2(cost)


@pytest.mark.parametrize(
    "cost", [Scrypt(17, 8, 1), Scrypt(14, 8, 5), Scrypt(15, 8, 3), Scrypt(15, 1, 1)]
)
def test_cost_that_somebody_sets_is_allowed_for_scrypt(cost):
    derivation.check_scrypt(cost)


@pytest.mark.parametrize(
    "cost",
    [
        Scrypt(0, 8, 1),
        Scrypt(15, 0, 1),
        Scrypt(15, 8, 0),
        Scrypt(16, 1, 1),  # N is not below 2**16
        Scrypt(19, 8, 1),
        Scrypt(15, 8, 33),
        Scrypt(99, 99, 1),
    ],
)
def test_cost_that_is_impossible_or_absurd_is_refused_for_scrypt(cost):
    with pytest.raises(ValueError, match="impossible or too dear"):
        derivation.check_scrypt(cost)


@pytest.mark.parametrize("iterations", [0, 5_000_001])
def test_number_of_iterations_is_bounded(iterations):
    derivation.check_pbkdf2(5_000_000)

    with pytest.raises(ValueError, match="impossible or too dear"):
        derivation.check_pbkdf2(iterations)


def test_every_kind_is_there_where_the_tests_run():
    kinds = ("bcrypt", "argon2", "scrypt", "pbkdf2")

    assert [derivation.missing(kind) for kind in kinds] == [None] * 4


@pytest.mark.parametrize(
    ("kind", "package"), [("bcrypt", "bcrypt"), ("argon2", "argon2-cffi")]
)
def test_package_that_is_not_installed_is_named(kind, package, monkeypatch):
    monkeypatch.setitem(sys.modules, kind, None)

    assert derivation.missing(kind) == (
        f"the package {package} is not installed: pip install {package}"
    )


def test_scrypt_may_be_missing_where_openssl_has_none(monkeypatch):
    monkeypatch.delattr("hashlib.scrypt")

    assert derivation.missing("scrypt") == "this Python was built without scrypt"
    with pytest.raises(errors.Unavailable, match="built without scrypt"):
        derivation.scrypt(b"correct horse", SALT, Scrypt(4, 8, 1), 32)


def test_memory_that_argon2_does_not_get_is_no_wrong_password():
    beyond = Argon2("id", 19, memory_kib=1 << 31, passes=1, lanes=1)  # 2 TiB

    with pytest.raises(errors.Unavailable, match="Memory allocation"):
        derivation.argon2(b"correct horse", SALT, beyond, 32)


@pytest.mark.parametrize("package", ["bcrypt", "argon2"])
def test_package_is_not_imported_before_it_is_needed(package):
    script = (
        "import sys; from authserver.passwords import derivation, hasher;"
        f"derivation.missing({package!r});"
        f"hasher.Hasher({package!r}, bcrypt_rounds=4);"
        f"sys.exit({package!r} in sys.modules)"
    )

    assert importlib.util.find_spec(package)
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
