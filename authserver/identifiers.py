"""User names, e-mail addresses, phone numbers: one canonical form, or none.

    kind      as typed             canonical form       grammar
    username  " Alice.B "          alice.b              [a-z][a-z0-9._-]{2,31}
    email     "Alice@Example.ORG"  alice@example.org    dot-atom @ host name
    phone     "00 44 (20) 7946-0"  +442079460           +[1-9][0-9]{7,14}

Two spellings of one person must become one text before anything is stored,
compared, limited or mailed, or each spelling is a fresh set of guesses. The
other way round, what is canonical is used as it stands, everywhere: the code
goes to the stored address, not to one that merely looks like it.

* ASCII only, checked before the case is changed. Unicode's case mapping turns
  the Kelvin sign into "k" and dotless i into "I", which sent one person's reset
  mail to another (CVE-2019-19844). Internationalised domains come as "xn--...".
* An "@" makes an e-mail address, a letter in front a user name, a digit, plus
  or parenthesis a phone number. So no user name can be an address or a number.
* E-mail is a strict subset of RFC 5321 section 4.1.2: one "@", a dot-atom of at
  most 64, a domain of host name labels with at least one dot (section 2.3.5
  wants it fully qualified; "alice@localhost" is refused), 254 in all (a path
  has 256, section 4.5.3.1.3, two of them for the angle brackets). No quotes,
  comments or address literals: parsers disagree about those. A numeric last
  label is refused as well, for it would be an IPv4 address.
* Also refused, though dot-atoms: "!" and "%", by which some hosts pass mail on
  to another host (RFC 1123 section 5.2.16), and "=?", which a mail library may
  decode as an encoded word (RFC 2047 section 2) into another address.
* The local part is lower-cased. RFC 5321 section 2.4 lets a host distinguish
  case; none that matters does, and two accounts for one mailbox would follow.
* Phone numbers are E.164: a plus and at most 15 digits. With the server's
  country code, a number without plus or 00 is national, less one leading 0.
* "+44 (0)20 7946 0018" names a trunk zero to dial at home only. It is dropped,
  but for Italy and San Marino, where that zero belongs to the number.
* Only spaces and tabs around are stripped; no grammar has a control character.

Each grammar is one pass over a text cut to length first: no input takes long.
"""

import re
from typing import Literal, NamedTuple

from authserver import errors
from authserver.errors import Complaint

MAX_TYPED_CHARS = 320  # generous: the longest canonical form has 254
MAX_EMAIL_CHARS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
MAX_LOCAL_CHARS = 64  # RFC 5321 section 4.5.3.1.1
BLANKS = " \t"

USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,31}")
# RFC 5322 section 3.2.3, "atext" without "!" and "%". The dot is in no class
# next to it, so there is one way to match and no backtracking.
ATOM = r"[a-z0-9#$&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(?:\.{ATOM})*")
# RFC 1123 section 2.1: letters, digits and inner hyphens, 63 at most.
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
PHONE_FIRST = frozenset("+(0123456789")
PHONE_TYPED = re.compile(r"\+?\(?[0-9](?:[0-9 ().-]*[0-9])?")
TRUNK_ZERO = re.compile(
    r"\A(\(?(?:\+|00)[ .(-]*(?!39|378)[1-9][0-9]{0,2}[ .)-]*)\( *0 *\)"
)
PHONE = re.compile(r"\+[1-9][0-9]{7,14}")

USERNAME_RULE = Complaint(
    "username_form",
    "A user name has 3 to 32 characters: letters a to z, digits, dots, hyphens "
    "and underscores, with a letter first.",
)
EMAIL_RULE = Complaint(
    "email_form", "This is not an e-mail address like name@example.org."
)
PHONE_RULE = Complaint("phone_form", "This is not a phone number like +442079460018.")
PHONE_NEEDS_CODE = Complaint(
    "phone_needs_code", "Write the phone number with + and the country code first."
)
ANY_RULE = Complaint(
    "identifier_form", "This is not a user name, an e-mail address or a phone number."
)

Kind = Literal["username", "email", "phone"]


class Identifier(NamedTuple):
    """What somebody is known by, in canonical form."""

    kind: Kind
    value: str


def parse(text: str, *, country_code: str = "") -> Identifier:
    """Return what `text` is, as canonical form with its kind.

    `country_code` (digits, such as "44") lets national phone numbers in.
    Raises `errors.RuleBroken`.
    """
    typed = _ascii(text, "identifier", ANY_RULE)
    try:
        if "@" in typed:
            return Identifier("email", email(typed))
        if typed[:1].isalpha():
            return Identifier("username", username(typed))
        if typed[:1] in PHONE_FIRST:
            return Identifier("phone", phone(typed, country_code))
    except errors.RuleBroken as refusal:
        # The caller's field is "identifier", whatever it turned out to be.
        raise errors.RuleBroken("identifier", refusal.complaint) from refusal
    raise errors.RuleBroken("identifier", ANY_RULE)


def username(text: str) -> str:
    """Return the user name in lower case. Raises `errors.RuleBroken`."""
    name = _ascii(text, "username", USERNAME_RULE).lower()
    if not USERNAME.fullmatch(name):
        raise errors.RuleBroken("username", USERNAME_RULE)
    return name


def is_username(canonical: str) -> bool:
    """Tell a user name from the canonical form of an address or a number."""
    return USERNAME.fullmatch(canonical) is not None


def is_phone(canonical: str) -> bool:
    """Tell a phone number from the canonical form of an address or a name."""
    return PHONE.fullmatch(canonical) is not None


def is_of_country(phone: str, calling_codes: tuple[str, ...]) -> bool:
    """Tell whether a number begins with one of these; none at all means any."""
    return not calling_codes or phone.removeprefix("+").startswith(calling_codes)


def email(text: str) -> str:
    """Return the e-mail address in lower case. Raises `errors.RuleBroken`."""
    address = _ascii(text, "email", EMAIL_RULE).lower()
    local, at, domain = address.partition("@")
    if not (
        at
        and len(address) <= MAX_EMAIL_CHARS
        and len(local) <= MAX_LOCAL_CHARS
        and LOCAL_PART.fullmatch(local)
        and "=?" not in local
        and _is_domain(domain)
    ):
        raise errors.RuleBroken("email", EMAIL_RULE)
    return address


def phone(text: str, country_code: str = "") -> str:
    """Return the number as E.164, for example +442079460018.

    `country_code` is that of numbers without one. Raises `errors.RuleBroken`.
    """
    typed = _ascii(text, "phone", PHONE_RULE)
    if not PHONE_TYPED.fullmatch(typed):
        raise errors.RuleBroken("phone", PHONE_RULE)
    # \g<1>: everything before the zero.
    digits = re.sub(r"[^0-9]", "", TRUNK_ZERO.sub(r"\g<1>", typed, count=1))
    if typed.startswith("+"):
        number = f"+{digits}"
    elif digits.startswith("00"):  # how most of the world dials a plus
        number = f"+{digits[2:]}"
    elif country_code:
        number = f"+{country_code}{digits.removeprefix('0')}"
    else:
        raise errors.RuleBroken("phone", PHONE_NEEDS_CODE)
    if not PHONE.fullmatch(number):
        raise errors.RuleBroken("phone", PHONE_RULE)
    return number


def budget_key(identifier_value: str) -> str:
    """Return the text that limits count by, for a canonical form.

    Mail to "alice+anything@" arrives at one mailbox with many providers, so it
    draws on one budget. Only limits may use this: two accounts may share it.
    """
    local, at, domain = identifier_value.partition("@")
    base = local.partition("+")[0] or local
    return f"{base}@{domain}" if at else identifier_value


def _ascii(text: str, field: str, rule: Complaint) -> str:
    """Return `text` without blanks around, if it is short and ASCII."""
    if len(text) > MAX_TYPED_CHARS:
        raise errors.RuleBroken(field, rule)
    stripped = text.strip(BLANKS)
    if not stripped.isascii():
        raise errors.RuleBroken(field, rule)
    return stripped


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return (
        len(labels) > 1
        and all(LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
