"""Which passwords nobody may choose.

The policy follows NIST SP 800-63B section 5.1.1.2: length counts, mixing kinds
of characters does not, and what everybody tries first is refused: one's own
identifiers, a list of common stems with their usual decoration ("P@ssw0rd1!"),
dates, repetitions and keyboard walks.

Only new passwords are held to it. One that came with an account from another
system is a hash, which nobody can look into.
"""

import functools
import re
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

from authserver import errors
from authserver.errors import Complaint

MIN_CHARS = 8  # NIST SP 800-63B section 5.1.1.2
MAX_CHARS = 128  # bounds the work; the longest sentence anybody types fits

LENGTH = Complaint(
    "password_length", f"A password has {MIN_CHARS} to {MAX_CHARS} characters."
)
NOT_TEXT = Complaint(
    "password_not_text",
    "The password contains a character that is not valid Unicode.",
)
OWN = Complaint(
    "password_own", "A password must not be your user name, e-mail address or number."
)
COMMON = Complaint(
    "password_common",
    "This password is among those that are tried first. Choose another.",
)


def check(field: str, password: str, *, own: Iterable[str | None] = ()) -> None:
    """Raise `RuleBroken` for `field` if `password` may not be chosen.

    `own` are the person's identifiers, as far as there are any.
    """
    complaint = fault(password, identifiers=[each for each in own if each])
    if complaint is not None:
        raise errors.RuleBroken(field, complaint)


def fault(password: str, *, identifiers: Iterable[str]) -> Complaint | None:
    """Return a reason why `password` may not be chosen, or None if it may.

    `identifiers` are the person's own, in canonical form.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        return LENGTH
    if re.search(r"[\ud800-\udfff]", password):
        return NOT_TEXT
    if any(_names(password, identifier) for identifier in identifiers):
        return OWN
    if _is_common(password.lower()):
        return COMMON
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
