"""A hash verifies exactly what was typed, at the same cost for everybody."""

import base64
import hashlib
import importlib.util
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from authserver import errors, passwords

VECTORS = json.loads((Path(__file__).parent / "vectors" / "scrypt.json").read_text())
BCRYPT = passwords.Hasher("bcrypt", bcrypt_rounds=4)
SCRYPT = passwords.Hasher("scrypt", bcrypt_rounds=4)
SCRYPT_OF_CORRECT_HORSE = SCRYPT.hash("correct horse")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


@pytest.fixture
def without_bcrypt(monkeypatch) -> None:
    """An installation where `import bcrypt` fails."""
    monkeypatch.setitem(sys.modules, "bcrypt", None)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["salt"])
def test_scrypt_matches_rfc_7914_section_12(vector):
    # The fourth vector there takes 1 GiB of memory.
    derived = passwords.scrypt(
        vector["password"].encode(), vector["salt"].encode(), vector["cost"], 64
    )

    assert derived.hex() == vector["derived"]


@settings(deadline=None, max_examples=30)
@given(ANY_TEXT, ANY_TEXT)
@example("a\0b", "a")
@example("a", "a\0")
@example("e\u0301", "\u00e9")
@example("\ufb01", "fi")
@example(" pass word ", "pass word")
@example("Password", "password")
@example("\ud800", "?")
def test_password_counts_exactly_as_typed(password, other):
    stored = BCRYPT.hash(password)

    assert BCRYPT.verify(password, stored)
    assert BCRYPT.verify(other, stored) == (other == password)


@pytest.mark.parametrize("size", [1, 71, 72, 73, 80, 128, 4096])
def test_only_the_whole_password_verifies(size):
    password = "p" * size
    stored = BCRYPT.hash(password)

    assert BCRYPT.verify(password, stored)
    assert not BCRYPT.verify(password + "p", stored)
    assert not BCRYPT.verify(password[:-1], stored)
    assert not BCRYPT.verify(password[:-1] + "q", stored)


@pytest.mark.parametrize("tail", ["", "x", "\0", "\u00e9", "y" * 100])
def test_what_stands_behind_72_bytes_counts(tail):
    stored = BCRYPT.hash("p" * 72 + "right")

    assert not BCRYPT.verify("p" * 72 + tail, stored)


def test_character_across_the_border_counts_whole():
    # 71 bytes, then one character of two: 73 bytes.
    stored = BCRYPT.hash("p" * 71 + "\u00e9")

    assert stored.startswith(passwords.LONG_LABEL)
    assert BCRYPT.verify("p" * 71 + "\u00e9", stored)
    assert not BCRYPT.verify("p" * 71 + "\u00e8", stored)


@pytest.mark.parametrize(("size", "labelled"), [(72, False), (73, True)])
def test_label_says_which_passwords_were_condensed(size, labelled):
    assert BCRYPT.hash("p" * size).startswith(passwords.LONG_LABEL) == labelled


def test_condensed_form_is_not_a_second_password():
    condensed = passwords._condense(b"p" * 100).decode()

    assert not BCRYPT.verify(condensed, BCRYPT.hash("p" * 100))
    assert not BCRYPT.verify("p" * 100, BCRYPT.hash(condensed))


def test_long_password_does_not_match_a_hash_without_the_label():
    # As an older system left it, which cut the password at 72 bytes.
    stored = BCRYPT.hash("p" * 72)

    assert not BCRYPT.verify("p" * 100, stored)


@pytest.mark.parametrize("twin", ["a long one", "a long one\0\0", "\0a long one\0"])
def test_scrypt_verifies_exactly_what_it_hashed(twin):
    # RFC 2104 section 2: to HMAC, a key with NULs behind it is the same key.
    stored = SCRYPT.hash("a long one\0")

    assert SCRYPT.verify("a long one\0", stored)
    assert not SCRYPT.verify(twin, stored)


def test_scrypt_takes_no_digest_for_the_password():
    # RFC 2104 section 2: to HMAC, a key of more than 64 bytes is its digest.
    long = "p" * 65
    digest = hashlib.sha256(long.encode()).digest()
    cost, salt, _ = SCRYPT.hash(long).rsplit("$", 2)
    of_digest = passwords.scrypt(digest, base64.b64decode(salt + "=="), (15, 8, 3), 32)
    stored = f"{cost}${salt}${passwords._base64(of_digest)}"

    assert not SCRYPT.verify(long, stored)


def test_hashes_are_salted():
    assert BCRYPT.hash("correct horse") != BCRYPT.hash("correct horse")
    assert SCRYPT.hash("correct horse") != SCRYPT_OF_CORRECT_HORSE


@pytest.mark.parametrize("hasher", [BCRYPT, SCRYPT])
def test_every_kind_verifies_whichever_is_configured(hasher):
    assert hasher.verify("correct horse", BCRYPT.hash("correct horse"))
    assert hasher.verify("correct horse", SCRYPT_OF_CORRECT_HORSE)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_bcrypt_hash_of_another_system_verifies(prefix):
    stored = prefix + BCRYPT.hash("correct horse").removeprefix("$2b$")

    assert BCRYPT.verify("correct horse", stored)


MALFORMED = [
    "",
    "x",
    "correct horse",
    "$2b$",
    "$2b$04$" + "a" * 52,
    "$2b$04$" + "a" * 54,
    "$2b$04$" + "9" * 53,  # bits that no salt has
    "$2b$03$" + "." * 53,
    "$2b$31$" + "." * 53,  # would take days
    "$2c$04$" + "." * 53,
    "$2b$04$" + "." * 52 + "\n",
    "$2b$04$" + "." * 52 + "\u00e9",
    "$md5$2b$04$" + "." * 53,
    "$hmac-sha256$hmac-sha256$2b$04$" + "." * 53,
    "$scrypt$",
    "$scrypt$ln=15,r=8,p=3$" + "A" * 21 + "$" + "A" * 43,
    "$scrypt$ln=15,r=8,p=3$" + "A" * 22 + "$" + "A" * 42,
    "$scrypt$ln=0,r=8,p=3$" + "A" * 22 + "$" + "A" * 43,
    "$scrypt$ln=15,r=0,p=3$" + "A" * 22 + "$" + "A" * 43,
    "$scrypt$ln=15,r=8,p=0$" + "A" * 22 + "$" + "A" * 43,
    "$scrypt$ln=15,r=8,p=99$" + "A" * 22 + "$" + "A" * 43,
    "$scrypt$ln=30,r=8,p=1$" + "A" * 22 + "$" + "A" * 43,  # a TiB
    "$scrypt$ln=99,r=99,p=99$" + "A" * 22 + "$" + "A" * 43,
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA",
]


@pytest.mark.parametrize("stored", MALFORMED, ids=ascii)
def test_malformed_hash_never_matches_and_never_raises(stored, caplog):
    with caplog.at_level(logging.WARNING, "authserver.passwords"):
        matched = BCRYPT.verify("correct horse", stored)

    assert not matched
    assert caplog.messages == ["a stored password hash is malformed"]


@pytest.mark.parametrize("hasher", [BCRYPT, SCRYPT])
def test_no_password_matches_the_dummy(hasher):
    assert not hasher.verify("", None)
    assert not hasher.verify("correct horse", None)


def duration(call, *args) -> float:
    """The shortest of three runs, in seconds of processor time."""
    runs = []
    for _ in range(3):
        started = time.thread_time()
        call(*args)
        runs.append(time.thread_time() - started)
    return min(runs)


STORED_8 = passwords.Hasher("bcrypt", bcrypt_rounds=8).hash("correct horse")
LONG_8 = passwords.Hasher("bcrypt", bcrypt_rounds=8).hash("p" * 100)


@pytest.mark.parametrize(
    ("case", "password", "stored"),
    [
        ("unknown account", "correct horse", None),
        ("unknown account, long password", "p" * 100, None),
        ("right password", "correct horse", STORED_8),
        ("long password, hash of a short one", "p" * 100, STORED_8),
        ("short password, hash of a long one", "correct horse", LONG_8),
        ("malformed hash", "correct horse", "$2b$08$"),
    ],
)
def test_every_answer_costs_one_hash_of_the_configured_cost(case, password, stored):
    hasher = passwords.Hasher("bcrypt", bcrypt_rounds=8)
    one_hash = duration(hasher.hash, "correct horse")

    assert 0.6 < duration(hasher.verify, password, stored) / one_hash < 1.6


def test_unknown_account_costs_one_scrypt_where_that_is_configured():
    one_hash = duration(SCRYPT.hash, "correct horse")

    assert 0.6 < duration(SCRYPT.verify, "correct horse", None) / one_hash < 1.6


def test_making_a_hasher_costs_no_hash():
    started = time.perf_counter()

    passwords.Hasher("bcrypt", bcrypt_rounds=17)
    passwords.Hasher("scrypt", bcrypt_rounds=17)

    assert time.perf_counter() - started < 0.01


@pytest.mark.parametrize(
    ("hasher", "stored", "needed"),
    [
        (BCRYPT, BCRYPT.hash("p" * 8), False),
        (BCRYPT, BCRYPT.hash("p" * 80), False),
        (BCRYPT, passwords.Hasher("bcrypt", bcrypt_rounds=5).hash("p" * 8), True),
        (BCRYPT, passwords.Hasher("bcrypt", bcrypt_rounds=5).hash("p" * 80), True),
        (BCRYPT, BCRYPT.hash("p").replace("$2b$", "$2a$"), True),
        (BCRYPT, SCRYPT_OF_CORRECT_HORSE, True),
        (SCRYPT, SCRYPT_OF_CORRECT_HORSE, False),
        (SCRYPT, SCRYPT_OF_CORRECT_HORSE.replace("ln=15", "ln=14"), True),
        (SCRYPT, BCRYPT.hash("p" * 8), True),
    ],
)
def test_hash_of_another_kind_or_cost_needs_a_rehash(hasher, stored, needed):
    assert hasher.needs_rehash(stored) == needed


def test_bcrypt_is_preferred_where_it_is_installed():
    assert passwords.available_kinds() == ("bcrypt", "scrypt")


@pytest.mark.usefixtures("without_bcrypt")
def test_scrypt_remains_where_bcrypt_is_not_installed():
    assert passwords.available_kinds() == ("scrypt",)
    assert SCRYPT.verify("correct horse", SCRYPT_OF_CORRECT_HORSE)


def test_scrypt_is_not_offered_where_openssl_has_none(monkeypatch):
    monkeypatch.delattr("hashlib.scrypt")

    assert passwords.available_kinds() == ("bcrypt",)


@pytest.mark.parametrize("hasher", [BCRYPT, SCRYPT])
def test_bcrypt_hash_without_bcrypt_is_no_wrong_password(hasher, monkeypatch):
    stored = BCRYPT.hash("correct horse")
    monkeypatch.setitem(sys.modules, "bcrypt", None)

    with pytest.raises(errors.Unavailable, match="bcrypt is not installed"):
        hasher.verify("correct horse", stored)


@pytest.mark.usefixtures("without_bcrypt")
def test_hashing_without_bcrypt_says_so():
    with pytest.raises(errors.Unavailable, match="bcrypt is not installed"):
        BCRYPT.hash("correct horse")


def test_bcrypt_is_not_imported_before_it_is_needed():
    script = (
        "import sys; from authserver import passwords;"
        "passwords.available_kinds(); passwords.Hasher('bcrypt', bcrypt_rounds=4);"
        "sys.exit('bcrypt' in sys.modules)"
    )

    assert importlib.util.find_spec("bcrypt")
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
