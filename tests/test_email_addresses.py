"""`identifiers.email`: a strict grammar, since parsers differ on lax ones."""

import json
from pathlib import Path

import pytest

from authserver import errors, identifiers

LABEL_63 = "a" * 63
LOCAL_64 = "l" * 64
# 64 + 1 + 189 = 254 characters: the longest address that is accepted.
LONGEST = f"{LOCAL_64}@{'.'.join(['d' * 47] * 3)}.{'e' * 41}.org"


def refused(typed: str) -> str:
    """The sentence with which an address is refused."""
    with pytest.raises(errors.RuleBroken) as caught:
        identifiers.email(typed)
    (fault,) = caught.value.faults
    assert fault.field == "email"
    return fault.message


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("alice@example.org", "alice@example.org"),
        (" Alice@EXAMPLE.Org ", "alice@example.org"),
        ("a@b.co", "a@b.co"),
        ("alice+tag@example.org", "alice+tag@example.org"),
        ("o'brien.x_y-z@mail.example.org", "o'brien.x_y-z@mail.example.org"),
        ("#$&'*+/?=^_`{|}~-@example.org", "#$&'*+/?=^_`{|}~-@example.org"),
        ("1@1.2.example", "1@1.2.example"),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        (f"{LOCAL_64}@example.org", f"{LOCAL_64}@example.org"),
        (f"a@{LABEL_63}.org", f"a@{LABEL_63}.org"),
        (LONGEST, LONGEST),
    ],
)
def test_email_becomes_lower_case(typed, canonical):
    assert identifiers.email(typed) == canonical


def test_longest_email_has_254_characters():
    assert len(LONGEST) == 254


@pytest.mark.parametrize(
    ("limit", "typed"),
    [
        ("RFC 5321 section 4.5.3.1.1, local part", f"{LOCAL_64}l@example.org"),
        ("RFC 5321 section 4.5.3.1.3, path", LONGEST.replace("org", "info")),
        ("RFC 1035 section 2.3.4, label", f"a@{LABEL_63}a.org"),
        ("what is read at all", f"{'a' * 400}@example.org"),
    ],
)
def test_email_one_over_a_limit_is_refused(limit, typed):
    assert "not an e-mail address" in refused(typed)


C11_MALFORMED = json.loads(
    (Path(__file__).parent / "vectors" / "malformed_emails.json").read_text()
)


@pytest.mark.parametrize("typed", C11_MALFORMED, ids=ascii)
def test_c12_malformed_email_is_refused(typed):
    assert "not an e-mail address" in refused(typed)


def test_has_about_a_hundred_cases():
    assert len(C11_MALFORMED) >= 100


@pytest.mark.parametrize(
    "twin",
    [
        "m\u0131ke@example.org",  # dotless i: upper() makes it MIKE
        "M\u0130KE@example.org",  # dotted I
        "mi\u212ae@example.org",  # Kelvin sign: lower() makes it mike
        "\uff4dike@example.org",  # full width
        "mike@example.org\u0307",
        "\ufb01nn@example.org",  # the ligature fi
        "m\u0456ke@example.org",  # Cyrillic i
        "mike@exam\u03c1le.org",
        "mike@example.\u2134rg",
    ],
    ids=ascii,
)
def test_unicode_twin_of_an_address_is_refused(twin):
    assert refused(twin)
    with pytest.raises(errors.RuleBroken):
        identifiers.parse(twin)


B4_BASE = "admin@example.org"
B4_TWINS = [
    "admin@example.org ", " admin@example.org", "ADMIN@example.org",
    "Admin@Example.Org", "admin@EXAMPLE.ORG\t", "\u00e1dmin@example.org",
    "admin@example.org\u00a0", "admin@example.org\u200b", "ad\u00admin@example.org",
    "admin@example.org.", "admin.@example.org", "admin+@example.org",
    "admin+x@example.org", "a.dmin@example.org", "admin@example.org\0",
    "admin@ex\u00e4mple.org", "admin@example.org\U0001f600", "admin@exampl\u00eb.org",
    "admin@example.com", "admin_@example.org", "admin-@example.org",
]  # fmt: skip


@pytest.mark.parametrize("twin", B4_TWINS, ids=ascii)
def test_near_twin_is_the_same_by_rule_another_or_refused(twin):
    # Only case and blanks around make one person of two texts; what a collation
    # would also call equal (accents, emoji, padding) never gets that far.
    same = twin.strip(" \t").isascii() and twin.strip(" \t").lower() == B4_BASE
    try:
        value = identifiers.email(twin)
    except errors.RuleBroken:
        value = "refused"

    assert (value == B4_BASE) == same
