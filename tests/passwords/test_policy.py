"""The policy refuses what is tried first, and hardly anything else."""

import random
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from authserver.passwords import policy
from tests.cpu import within

RANKED = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8][:3000]


def fault(password: str, *identifiers: str) -> str | None:
    complaint = policy.fault(password, identifiers=identifiers)
    return complaint.message if complaint else None


@pytest.mark.parametrize(
    "password",
    [
        "strongpass123", "Secure@123", "SecurePass123",  # the older systems' samples
        "correct horse", "correct horse battery staple", "Tr0ub4dor&3",
        "zebra-lamp-42", "my cat eats at seven", "vjfk29sd", "7Hq!x2Lp",
        "gr\u00fcne Katze", "\u4f60\u597d\u4e16\u754c\u5927\u5bb6\u597d\u554a",
        "\U0001f600\U0001f601\U0001f602\U0001f603 ok!", "        x y z w",
        "q7\0zk\0w1v", "wandering1987", "Maple.Orchid9", "83920174650192",
    ],
)  # fmt: skip
def test_password_that_nobody_tries_first_passes(password):
    assert fault(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "password", "password123", "PASSWORD", "Password1!", "P@ssw0rd", "pa55w0rd1",
        "passw0rd!", "Summer2024!", "1michael", "!!monkey!!", "iloveyou2", "Dragon2024",
        "$unshine", "f00tball", "trustno1", "l3tme1n!",
        "12345678", "87654321", "123123123", "11111111", "11112222", "1234abcd",
        "12212112",
        "01012000", "31/12/1999", "12-31-1999", "2001-09-11", "19.04.1987",
        "qwertyui", "1qaz2wsx", "zaq12wsx", "qwer1234", "asdfghjkl", "1q2w3e4r5t",
        "a1b2c3d4", "10203040", "147258369", "poiuytrewq", "!@#$%^&*",
        "abcdefgh", "zyxwvuts", "abcabcabc", "xyzzy1xyzzy1", "qwertyuiopasdfghjkl",
        "azertyuiop", "qwertzuiop", "aaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)  # fmt: skip
def test_password_that_is_tried_first_is_refused(password):
    assert "tried first" in str(fault(password))


def test_95_percent_of_the_3000_most_common_passwords_are_refused():
    refused = [word for word in RANKED if fault(word)]

    assert len(RANKED) == 3000
    assert len(refused) >= 0.95 * 3000


def test_data_file_stays_small():
    path = Path(policy.__file__).with_name("common_passwords.txt")

    assert path.stat().st_size < 16 * 1024


def test_data_file_is_not_read_before_it_is_needed():
    script = (
        "import sys; from authserver.passwords import policy;"
        "sys.exit(policy._common_stems.cache_info().currsize)"
    )

    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_stems_are_words_and_in_order():
    stems = policy._common_stems()

    assert len(stems) > 2000
    assert "password" in stems
    assert all(stem.isascii() and stem.isalpha() and stem.islower() for stem in stems)
    assert not stems & {"strongpass", "secure", "securepass", "strong", "correcthorse"}


RANDOM_KINDS = {
    "8 letters": (string.ascii_lowercase, 8),
    "8 letters and digits": (string.ascii_letters + string.digits, 8),
    "10 characters": (string.ascii_letters + string.digits + string.punctuation, 10),
    "12 digits": (string.digits, 12),
    "16 hex digits": ("0123456789abcdef", 16),
}


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_random_passwords_pass(kind):
    alphabet, size = RANDOM_KINDS[kind]
    source = random.Random(1)
    made = ["".join(source.choices(alphabet, k=size)) for _ in range(3000)]

    refused = [password for password in made if fault(password)]

    assert len(refused) <= 30  # 1 %, for digits alone; else next to none


@pytest.mark.parametrize("separator", ["", " ", "-", "."])
def test_pass_phrases_of_two_words_pass(separator):
    words = [w for w in FREQUENCY_LISTS["english_wikipedia"][:10_000] if len(w) > 3]
    source = random.Random(1)
    made = [separator.join(source.sample(words, 2)) for _ in range(3000)]

    refused = [phrase for phrase in made if fault(phrase)]

    assert len(refused) <= 5


@pytest.mark.parametrize("size", [0, 1, 7, 129, 2**20])
def test_length_outside_8_to_128_is_refused_at_once(size):
    password = "x\u00e9" * (size // 2) + "y" * (size % 2)

    assert fault(password) == "A password has 8 to 128 characters."
    assert within(0.01, lambda: fault(password))


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("\U0001f600\U0001f9ca\u00e9vk9", False),  # 6 characters, 13 bytes
        ("\U0001f600\U0001f9ca\u00e9vk9s2", True),  # 8 characters
        ("\u00e9\u00e8vk9s2q" * 16, True),  # 128 characters, 160 bytes
    ],
)
def test_length_counts_characters_not_bytes(password, accepted):
    assert (fault(password) is None) == accepted


def test_half_a_surrogate_pair_is_refused():
    assert "not valid Unicode" in str(fault("vjfk29s\ud800"))


@pytest.mark.parametrize(
    ("password", "identifier"),
    [
        ("wanderer9", "wanderer9"),
        ("WanderER9", "wanderer9"),
        ("wanderer9@example.org", "wanderer9@example.org"),
        ("Wanderer9@Example.ORG", "wanderer9@example.org"),
        ("wanderer9", "wanderer9@example.org"),
        ("WANDERER9", "wanderer9@example.org"),
        ("+442079460018", "+442079460018"),
        ("442079460018", "+442079460018"),
        ("2079460018", "+442079460018"),
    ],
)
def test_own_identifier_is_refused(password, identifier):
    assert "must not be" in str(fault(password, "somebody", identifier))


@pytest.mark.parametrize(
    ("password", "identifier"),
    [
        ("wanderer9x", "wanderer9"),
        ("example.org", "wanderer9@example.org"),
        ("beekeeper9", "beekeeper"),
        ("83920174", "+442079460018"),
    ],
)
def test_password_that_only_resembles_an_identifier_passes(password, identifier):
    assert fault(password, identifier) is None


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=()), max_size=140))
def test_policy_answers_any_text_with_a_sentence_or_none(password):
    sentence = fault(password, "alice", "alice@example.org", "+442079460018")

    assert sentence is None or sentence.endswith(".")


@pytest.mark.parametrize("unit", ["a", "1qaz", "qwertyuiop", "ab1", "p@ssw0rd", "!"])
def test_policy_is_quick_for_every_shape(unit):
    password = (unit * 128)[:127] + "\u00e9"

    assert within(0.02, lambda: fault(password))
