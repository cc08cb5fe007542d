"""A hash verifies exactly what was typed, at the same cost for everybody."""

import base64
import hashlib
import logging
import sys

import argon2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from authserver import errors
from authserver.passwords import derivation, forms
from authserver.passwords.derivation import Scrypt
from authserver.passwords.hasher import ARGON2 as ARGON2_COST
from authserver.passwords.hasher import SCRYPT as SCRYPT_COST
from authserver.passwords.hasher import Hasher
from tests.cpu import cpu_s, within

BCRYPT = Hasher("bcrypt", bcrypt_rounds=4)
SCRYPT = Hasher("scrypt", bcrypt_rounds=4)
ARGON2 = Hasher("argon2", bcrypt_rounds=4)
SCRYPT_OF_CORRECT_HORSE = SCRYPT.hash("correct horse")
ARGON2_OF_CORRECT_HORSE = ARGON2.hash("correct horse")
PBKDF2 = f"pbkdf2_sha256$1000$salt${43 * 'A'}="
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


@pytest.fixture
def bare(monkeypatch) -> None:
    """An installation where importing bcrypt or Argon2 fails."""
    for name in ("bcrypt", "argon2", "argon2.low_level", "argon2.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)


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

    assert stored.startswith(forms.CONDENSED)
    assert BCRYPT.verify("p" * 71 + "\u00e9", stored)
    assert not BCRYPT.verify("p" * 71 + "\u00e8", stored)


@pytest.mark.parametrize(("size", "labelled"), [(72, False), (73, True)])
def test_label_says_which_passwords_were_condensed(size, labelled):
    assert BCRYPT.hash("p" * size).startswith(forms.CONDENSED) == labelled


def test_condensed_form_is_not_a_second_password():
    condensed = forms.condense(b"p" * 100).decode()

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
    of_digest = derivation.scrypt(
        digest, base64.b64decode(salt + "=="), Scrypt(15, 8, 3), 32
    )
    stored = f"{cost}${salt}${forms.unpadded(of_digest)}"

    assert not SCRYPT.verify(long, stored)


def test_hashes_are_salted():
    assert BCRYPT.hash("correct horse") != BCRYPT.hash("correct horse")
    assert SCRYPT.hash("correct horse") != SCRYPT_OF_CORRECT_HORSE
    assert ARGON2.hash("correct horse") != ARGON2_OF_CORRECT_HORSE


@pytest.mark.parametrize(
    ("password", "twin"),
    [
        ("p" * 72 + "a", "p" * 72 + "b"),
        ("p" * 4096 + "a", "p" * 4096),
        ("a\0b", "a"),
        ("a", "a\0"),
        ("\ud800", "?"),
    ],
)
def test_argon2_takes_any_password_as_it_is(password, twin):
    stored = ARGON2.hash(password)

    assert ARGON2.verify(password, stored)
    assert not ARGON2.verify(twin, stored)


def test_argon2_has_the_parameters_that_owasp_asks_for_at_least():
    assert ARGON2_OF_CORRECT_HORSE.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_argon2_hash_is_one_for_other_programs_too():
    other = argon2.PasswordHasher()

    assert other.verify(ARGON2_OF_CORRECT_HORSE, "correct horse")


@pytest.mark.parametrize("hasher", [BCRYPT, ARGON2, SCRYPT])
def test_every_kind_verifies_whichever_is_configured(hasher):
    assert hasher.verify("correct horse", BCRYPT.hash("correct horse"))
    assert hasher.verify("correct horse", SCRYPT_OF_CORRECT_HORSE)
    assert hasher.verify("correct horse", ARGON2_OF_CORRECT_HORSE)


@pytest.mark.parametrize("stored", ["", "x", "$2b$08$"])
def test_malformed_hash_never_matches_and_is_logged_without_itself(stored, caplog):
    with caplog.at_level(logging.WARNING, "authserver.passwords"):
        matched = BCRYPT.verify("correct horse", stored)

    assert not matched
    assert caplog.messages == [
        "a stored password hash is malformed: no form of hash that is known here"
    ]


@pytest.mark.parametrize("hasher", [BCRYPT, ARGON2, SCRYPT])
def test_no_password_matches_the_dummy(hasher):
    assert not hasher.verify("", None)
    assert not hasher.verify("correct horse", None)


STORED_8 = Hasher("bcrypt", bcrypt_rounds=8).hash("correct horse")
LONG_8 = Hasher("bcrypt", bcrypt_rounds=8).hash("p" * 100)


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
    hasher = Hasher("bcrypt", bcrypt_rounds=8)
    one_hash = cpu_s(lambda: hasher.hash("correct horse"))

    assert 0.6 < cpu_s(lambda: hasher.verify(password, stored)) / one_hash < 1.6


@pytest.mark.parametrize("hasher", [ARGON2, SCRYPT])
def test_unknown_account_costs_one_hash_of_the_configured_kind(hasher):
    one_hash = cpu_s(lambda: hasher.hash("correct horse"))

    assert 0.6 < cpu_s(lambda: hasher.verify("correct horse", None)) / one_hash < 1.6


@pytest.fixture
def derived(monkeypatch):
    """The cost of every hash that is computed, in order."""
    costs = []

    def watch(name, cost_of):
        real = getattr(derivation, name)

        def watched(*arguments):
            costs.append(cost_of(*arguments))
            return real(*arguments)

        monkeypatch.setattr(derivation, name, watched)

    watch("bcrypt", lambda _secret, salt: int(salt[4:6]))
    watch("argon2", lambda _secret, _salt, cost, _length: cost)
    watch("scrypt", lambda _secret, _salt, cost, _length: cost)
    return costs


BCRYPT_5 = Hasher("bcrypt", bcrypt_rounds=5).hash("correct horse")
BCRYPT_8 = Hasher("bcrypt", bcrypt_rounds=8)


@pytest.mark.parametrize("password", ["wrong horse", "p" * 100])
@pytest.mark.parametrize(
    "stored", [BCRYPT_5, f"bcrypt${BCRYPT_5}", f"bcrypt_sha256${BCRYPT_5}"]
)
def test_wrong_password_for_a_cheaper_bcrypt_costs_exactly_one_hash(
    derived, password, stored
):
    assert not BCRYPT_8.verify(password, stored)

    assert derived == [5, 5, 6, 7]
    assert sum(2**rounds for rounds in derived) == 2**8


@pytest.mark.parametrize(
    ("hasher", "stored", "costs"),
    [
        (BCRYPT, BCRYPT.hash("p"), [4]),
        (BCRYPT, BCRYPT.hash("p" * 100), [4]),
        (BCRYPT, BCRYPT.hash("p").replace("$2b$", "$2a$"), [4]),
        (BCRYPT, BCRYPT_5, [5]),
        (BCRYPT, SCRYPT_OF_CORRECT_HORSE, [SCRYPT_COST, 4]),
        (BCRYPT, PBKDF2, [4]),
        (SCRYPT, SCRYPT_OF_CORRECT_HORSE, [SCRYPT_COST]),
        (SCRYPT, BCRYPT_5, [5, SCRYPT_COST]),
        (ARGON2, ARGON2_OF_CORRECT_HORSE, [ARGON2_COST]),
        (ARGON2, BCRYPT_5, [5, ARGON2_COST]),
    ],
)
def test_wrong_password_costs_at_most_one_hash_besides_the_stored_one(
    derived, hasher, stored, costs
):
    assert not hasher.verify("wrong horse", stored)

    assert derived == costs


def test_right_password_costs_the_stored_hash_alone(derived):
    assert BCRYPT_8.verify("correct horse", BCRYPT_5)

    assert derived == [5]


def test_making_a_hasher_costs_no_hash():
    def make():
        Hasher("bcrypt", bcrypt_rounds=17)
        Hasher("scrypt", bcrypt_rounds=17)
        Hasher("argon2", bcrypt_rounds=17)

    assert within(0.01, make)


@pytest.mark.parametrize(
    ("hasher", "stored", "needed"),
    [
        (BCRYPT, BCRYPT.hash("p" * 8), False),
        (BCRYPT, BCRYPT.hash("p" * 80), False),
        (BCRYPT, Hasher("bcrypt", bcrypt_rounds=5).hash("p" * 8), True),
        (BCRYPT, Hasher("bcrypt", bcrypt_rounds=5).hash("p" * 80), True),
        (BCRYPT, BCRYPT.hash("p").replace("$2b$", "$2a$"), True),
        (BCRYPT, SCRYPT_OF_CORRECT_HORSE, True),
        (SCRYPT, SCRYPT_OF_CORRECT_HORSE, False),
        (SCRYPT, SCRYPT_OF_CORRECT_HORSE.replace("ln=15", "ln=14"), True),
        (SCRYPT, SCRYPT_OF_CORRECT_HORSE.removeprefix(forms.CONDENSED), True),
        (SCRYPT, BCRYPT.hash("p" * 8), True),
        (SCRYPT, ARGON2_OF_CORRECT_HORSE, True),
        (ARGON2, ARGON2_OF_CORRECT_HORSE, False),
        (ARGON2, ARGON2_OF_CORRECT_HORSE.replace("m=19456", "m=9728"), True),
        (ARGON2, ARGON2_OF_CORRECT_HORSE.replace("2id", "2i"), True),
        (ARGON2, BCRYPT.hash("p" * 8), True),
    ],
)
def test_hash_of_another_kind_or_cost_needs_a_rehash(hasher, stored, needed):
    assert hasher.needs_rehash(stored) == needed


@pytest.mark.parametrize("hasher", [BCRYPT, ARGON2, SCRYPT])
@pytest.mark.parametrize(
    ("stored", "package"),
    [
        (BCRYPT.hash("correct horse"), "bcrypt"),
        (ARGON2_OF_CORRECT_HORSE, "argon2-cffi"),
    ],
    ids=["bcrypt", "argon2"],
)
@pytest.mark.usefixtures("bare")
def test_hash_whose_package_is_missing_is_no_wrong_password(hasher, stored, package):
    with pytest.raises(errors.Unavailable, match=f"{package} is not installed"):
        hasher.verify("correct horse", stored)


@pytest.mark.parametrize("hasher", [BCRYPT, ARGON2])
@pytest.mark.usefixtures("bare")
def test_hashing_without_the_package_says_so(hasher):
    with pytest.raises(errors.Unavailable, match="is not installed"):
        hasher.hash("correct horse")


@pytest.mark.usefixtures("bare")
def test_scrypt_needs_no_package():
    assert SCRYPT.verify("correct horse", SCRYPT.hash("correct horse"))
