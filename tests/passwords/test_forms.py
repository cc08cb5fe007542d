"""Every form of stored hash verifies its password and nothing else."""

import json
import re
from pathlib import Path

import pytest

from authserver.passwords import forms

VECTORS = Path(__file__).parents[1] / "vectors"
FOREIGN = json.loads((VECTORS / "foreign_hashes.json").read_text())
LONG = "p" * 100


def named(vector) -> str:
    return f"{vector['source']}: {vector['form']}, {vector['password'][:13]!a}"


@pytest.mark.parametrize("vector", FOREIGN, ids=named)
def test_hash_made_by_another_system_verifies(vector):
    stored, password = forms.parse(vector["hash"]), vector["password"]

    assert stored.matches(password.encode())
    assert not stored.matches(f"{password}x".encode())
    assert not stored.matches(password[:-1].encode())


BCRYPT_OF_72 = "$2b$04$......................HbnQVXlnw5ftZkdxuduhifPkihx9Se2"
SALT, HASH = "A" * 22, "A" * 43
WORD = "no form of hash that is known here"
COST = "a cost that is impossible or too dear"


@pytest.mark.parametrize("prefix", ["", "bcrypt$"])
def test_password_that_its_maker_cut_at_72_bytes_matches_nothing_longer(prefix):
    stored = forms.parse(prefix + BCRYPT_OF_72)

    assert stored.matches(b"p" * 72)
    assert not stored.matches(b"p" * 73)
    assert not stored.matches(b"p" * 71)


def test_label_tells_a_condensed_password_from_the_same_text_typed():
    stored = forms.parse(BCRYPT_OF_72)
    labelled = forms.parse(forms.CONDENSED + BCRYPT_OF_72)

    assert not labelled.matches(b"p" * 72)
    assert not stored.matches(forms.condense(b"p" * 72))


MALFORMED = {
    "": WORD,
    "x": WORD,
    "correct horse": WORD,
    "$2b$": WORD,
    "$2b$04$" + "." * 52: WORD,
    "$2b$04$" + "." * 54: WORD,
    "$2b$04$" + "9" * 53: WORD,  # bits that no salt has
    "$2b$03$" + "." * 53: WORD,
    "$2b$18$" + "." * 53: WORD,
    "$2b$31$" + "." * 53: WORD,  # would take days
    "$2c$04$" + "." * 53: WORD,
    "$2b$04$" + "." * 52 + "\n": WORD,
    "$2b$04$" + "." * 53 + "\n": WORD,
    "$2b$04$" + "." * 52 + "\u00e9": WORD,
    "$md5$2b$04$" + "." * 53: WORD,
    "$hmac-sha256$hmac-sha256$2b$04$" + "." * 53: WORD,
    "$hmac-sha256bcrypt$$2b$04$" + "." * 53: WORD,
    "bcrypt_sha256$2b$04$" + "." * 53: WORD,
    "$scrypt$": WORD,
    f"$scrypt$ln=15,r=8,p=3${SALT}$" + "A" * 21: WORD,
    f"$scrypt$ln=15,r=8,p=3${SALT}${HASH}=": WORD,
    f"$scrypt$ln=0,r=8,p=3${SALT}${HASH}": COST,
    f"$scrypt$ln=15,r=0,p=3${SALT}${HASH}": COST,
    f"$scrypt$ln=15,r=8,p=0${SALT}${HASH}": COST,
    f"$scrypt$ln=15,r=8,p=99${SALT}${HASH}": COST,
    f"$scrypt$ln=30,r=8,p=1${SALT}${HASH}": COST,  # a TiB
    f"$scrypt$ln=99,r=99,p=99${SALT}${HASH}": COST,
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA": WORD,  # hash of 4 bytes
    f"$argon2id$v=18$m=65536,t=3,p=4${SALT}${HASH}": WORD,
    f"$argon2x$v=19$m=65536,t=3,p=4${SALT}${HASH}": WORD,
    f"$hmac-sha256$argon2id$v=19$m=65536,t=3,p=4${SALT}${HASH}": WORD,
    f"$argon2id$v=19$m=7,t=3,p=1${SALT}${HASH}": COST,
    f"$argon2id$v=19$m=65536,t=3,p=0${SALT}${HASH}": COST,
    f"$argon2id$v=19$m=999999999,t=1,p=1${SALT}${HASH}": COST,
    f"$argon2id$v=19$m=8,t=999999999,p=1${SALT}${HASH}": COST,
    f"argon2$argon2id$v=19$m=8,t=999999999,p=1${SALT}${HASH}": COST,
    f"pbkdf2_sha256$0$salt${HASH}=": COST,
    f"pbkdf2_sha256$999999999$salt${HASH}=": COST,
    f"pbkdf2_sha256$1000$salt${HASH}": WORD,
    f"pbkdf2_sha256$1000$${HASH}=": WORD,
    f"pbkdf2_sha256$1000$s\n${HASH}=": WORD,
    "pbkdf2_md5$1000$salt$" + "A" * 22 + "==": WORD,
    "scrypt$16383$salt$8$5$" + "A" * 86 + "==": "power of two",
    "scrypt$0$salt$8$5$" + "A" * 86 + "==": "power of two",
    "scrypt$16384$salt$8$99$" + "A" * 86 + "==": COST,
    "pbkdf2:sha256:999999999$salt$" + "a" * 64: COST,
    "pbkdf2:sha256:1000$salt$" + "a" * 62: "another length",
    "pbkdf2:sha256:1000$salt$" + "g" * 64: WORD,
    "pbkdf2:md5:1000$salt$" + "a" * 32: WORD,
    "pbkdf2:sha256$salt$" + "a" * 64: WORD,
    "scrypt:32768:8:1$salt$" + "a" * 64: WORD,
    "scrypt:1048576:8:1$salt$" + "a" * 128: COST,
    "sha256$salt$" + "a" * 64: WORD,  # fast
    "x" * 513: WORD,
}


@pytest.mark.parametrize(("stored", "reason"), MALFORMED.items(), ids=ascii)
def test_malformed_or_absurd_hash_is_refused_before_it_is_computed(stored, reason):
    with pytest.raises(ValueError, match=reason):
        forms.parse(stored)


def test_every_form_has_a_vector():
    met = {
        form
        for form, _ in forms.FORMS
        for vector in FOREIGN
        if re.fullmatch(form, vector["hash"])
    }

    assert met == {form for form, _ in forms.FORMS}
