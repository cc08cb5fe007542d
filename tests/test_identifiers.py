"""Each spelling of a person becomes one text; anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import errors, identifiers
from authserver.identifiers import Identifier
from tests.cpu import within


def refused(field, call, *args, **kwargs) -> str:
    """The sentence with which a call refuses; `field` must be named."""
    with pytest.raises(errors.RuleBroken) as caught:
        call(*args, **kwargs)
    (fault,) = caught.value.faults
    assert fault.field == field
    return fault.message


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("alice", "alice"),
        ("  Alice\t", "alice"),
        ("a.b-c_9", "a.b-c_9"),
        ("abc", "abc"),
        ("a" * 32, "a" * 32),
        ("a..", "a.."),
    ],
)
def test_username_becomes_lower_case(typed, canonical):
    assert identifiers.username(typed) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "ab",
        "a" * 33,
        "1abc",
        "_abc",
        ".abc",
        "alice bob",
        "alice@example.org",
        "alice\n",
        "\nalice",
        "ali\0ce",
        "alice\x7f",
        "alice\x1f",
        "<alice>",
        "alice\u00a0",
        "\u212aelvin",  # the Kelvin sign, whose lower case is k
        "al\u0131ce",  # dotless i
        "\uff41lice",  # full width
        "al\u00edce",
        "alice\u200b",  # zero-width space
        "\ud800alice",
    ],
)
def test_text_outside_the_grammar_is_no_username(typed):
    assert refused("username", identifiers.username, typed).startswith("A user name")


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("+442079460018", "+442079460018"),
        (" +44 (20) 7946-0018 ", "+442079460018"),
        ("+44.20.7946.0018", "+442079460018"),
        ("0044 20 7946 0018", "+442079460018"),
        ("+1 (555) 010-9999", "+15550109999"),
        ("+(44)2079460018", "+442079460018"),
        ("+44(0)7911333009", "+447911333009"),
        ("+49 (0) 30 123456", "+4930123456"),
        ("0044 (0)20 7946 0018", "+442079460018"),
        ("+353-(0)1-2345678", "+35312345678"),
        ("+(44)(0)2079460018", "+442079460018"),
        ("+39 (0)6 12345678", "+390612345678"),  # Italy's zero stays
        ("+378 (0)549 885555", "+3780549885555"),
        ("+44 20 (0)946 0018", "+442009460018"),  # not behind the country code
        ("+44 2007 (0)5 0018", "+442007050018"),
        ("+1 (020) 794-6001", "+10207946001"),
        ("+12345678", "+12345678"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_international_number_becomes_e164(typed, canonical):
    assert identifiers.phone(typed) == canonical
    assert identifiers.phone(typed, "91") == canonical


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("9876543210", "+919876543210"),
        ("09876543210", "+919876543210"),
        ("(098) 765-43210", "+919876543210"),
        ("98765 43210", "+919876543210"),
        ("98 (0) 765 432", "+91980765432"),
    ],
)
def test_national_number_gets_the_country_code(typed, canonical):
    assert identifiers.phone(typed, "91") == canonical


def test_national_number_without_a_country_code_says_what_is_missing():
    assert "country code" in refused("phone", identifiers.phone, "9876543210")
    assert "country code" in refused("identifier", identifiers.parse, "9876543210")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "+",
        "++442079460018",
        "44+2079460018",
        "+0442079460018",
        "000442079460018",
        "+1234567",
        "+1234567890123456",
        "+44 20 7946 0018 ext 5",
        "+44/2079460018",
        "+44 20 7946 0018-",
        "-442079460018",
        "+44\n2079460018",
        "+442079460018\r\n",
        "+44\t2079460018",
        "+44,2079460018",
        "+44;2079460018",
        "+44 20 7946 0018\0",
        "+44\u00a02079460018",
        "+\u0664\u0664\u0662\u0660\u0667\u0669\u0664\u0666\u0660",
        "\uff0b442079460018",
        "+44207946\u00b2018",
        "tel:+442079460018",
    ],
    ids=ascii,
)
def test_text_outside_the_grammar_is_no_phone_number(typed):
    assert "not a phone number" in refused("phone", identifiers.phone, typed, "44")


@pytest.mark.parametrize("typed", ["0", "00", "0123", "1" * 15])
def test_national_number_of_a_wrong_length_is_refused(typed):
    assert "not a phone number" in refused("phone", identifiers.phone, typed, "91")


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        (" Alice ", "username", "alice"),
        ("Alice@Example.org", "email", "alice@example.org"),
        ("+44 20 7946 0018", "phone", "+442079460018"),
        ("0044 20 7946 0018", "phone", "+442079460018"),
        ("(098) 765 43210", "phone", "+919876543210"),
    ],
)
def test_parse_tells_the_kind(typed, kind, value):
    assert identifiers.parse(typed, country_code="91") == Identifier(kind, value)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", identifiers.ANY_RULE.message),
        (" ", identifiers.ANY_RULE.message),
        ("_alice", identifiers.ANY_RULE.message),
        ("\u00e9", identifiers.ANY_RULE.message),
        ("a" * 321, identifiers.ANY_RULE.message),
        ("al", identifiers.USERNAME_RULE.message),
        ("a@b", identifiers.EMAIL_RULE.message),
        ("12", identifiers.PHONE_RULE.message),
    ],
    ids=ascii,
)
def test_parse_refuses_with_the_rule_of_the_kind(typed, sentence):
    assert (
        refused("identifier", identifiers.parse, typed, country_code="44") == sentence
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("alice", " ALICE "),
        ("alice@example.org", "\tAlice@Example.ORG "),
        ("+919876543210", "0 98765-43210"),
        ("+919876543210", "0091 (98765) 43210"),
    ],
)
def test_spellings_of_one_account_become_one_text(first, second):
    one = identifiers.parse(first, country_code="91")

    assert one == identifiers.parse(second, country_code="91")


@given(st.text(max_size=400) | st.from_regex(r"[a-zA-Z0-9@.+ ()-]{1,40}"))
def test_canonical_form_is_ascii_and_its_own_canonical_form(text):
    try:
        first = identifiers.parse(text, country_code="49")
    except errors.RuleBroken:
        return

    assert first.value.isascii()
    assert first.value.isprintable()
    assert identifiers.parse(first.value) == first


@given(st.text(max_size=60))
def test_no_text_is_of_two_kinds(text):
    accepted = []
    for grammar in (identifiers.username, identifiers.email, identifiers.phone):
        try:
            accepted.append(grammar(text))
        except errors.RuleBroken:
            continue

    assert len(accepted) <= 1


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("alice@example.org", "alice@example.org"),
        ("alice+news@example.org", "alice@example.org"),
        ("alice+a+b@example.org", "alice@example.org"),
        ("+news@example.org", "+news@example.org"),
        ("+442079460018", "+442079460018"),
        ("alice", "alice"),
    ],
)
def test_budget_key_drops_the_tag(value, key):
    assert identifiers.budget_key(value) == key


@pytest.mark.parametrize(
    ("value", "is_phone"),
    [("+442079460018", True), ("+44@example.org", False), ("alice", False)],
)
def test_number_is_told_from_the_other_kinds(value, is_phone):
    assert identifiers.is_phone(value) is is_phone


@pytest.mark.parametrize(
    ("codes", "is_member"),
    [((), True), (("44",), True), (("91", "4420"), True), (("20", "442079461"), False)],
)
def test_country_is_how_a_number_begins(codes, is_member):
    assert identifiers.is_of_country("+442079460018", codes) is is_member


KIB_64 = 64 * 1024


@pytest.mark.parametrize(
    "near_match",
    [
        "a" * KIB_64,
        "a@" * (KIB_64 // 2),
        "a." * (KIB_64 // 2) + "@example.org",
        "a@" + "a." * (KIB_64 // 2),
        "a@" + "a-" * (KIB_64 // 2),
        " " * KIB_64 + "alice",
        "1 " * (KIB_64 // 2),
        "+" + "1-" * (KIB_64 // 2),
        # Just below the length limit, where the grammars do run.
        "a." * 159 + "!",
        "a@" + "a-" * 159,
        "1-" * 159 + "x",
        "1" + " " * 318,
    ],
    ids=lambda text: f"{text[:4]}x{len(text)}",
)
def test_near_match_takes_no_time(near_match):
    def read():
        refused("identifier", identifiers.parse, near_match)
        refused("username", identifiers.username, near_match)
        refused("email", identifiers.email, near_match)
        refused("phone", identifiers.phone, near_match, "44")

    assert within(0.05, read)
