"""Users of another system, one JSON object per line (https://jsonlines.org).

    {"username": "alice", "email": "alice@example.org", "hash": "$2b$12$..."}

    field                          form
    username                       text; needed
    email, phone                   text; at least one of them
    password_hash, or hash         a form that `passwords.forms` knows; needed
    email_verified phone_verified  true unless said otherwise
    roles                          a list of words, or words with blanks between
    disabled                       true or false, which is the default
    created_at                     epoch seconds or ISO 8601; now by default

* A contact counts as proven unless the line says false. Whoever imports vouches
  for the other system; and an account that nobody can prove anew could not
  reset its password either. One that does not count opens nothing beside one
  that does (`lookup`); where none counts, the first who proves one becomes the
  owner, as in a closed group.
* A field with another name is refused, not ignored. What a system calls
  `is_active: false`, or `email_verifed`, must not be lost on the way.
* Names and contacts take the canonical form that they would have got here, and
  are refused where they have none.
* A reason names the field and never quotes it: the hash may stand in any.

A line has an end: 64 KiB. Blank lines, CRLF and a byte order mark are skipped.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from authserver import errors, identifiers, moments, tokens
from authserver.passwords import derivation, forms
from authserver.store.users import User

MAX_LINE_BYTES = 64 * 1024
MAX_ROLES_CHARS = 1000  # of the column
ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
FIELDS = frozenset(
    {
        *("username", "email", "phone", "password_hash", "hash"),
        *("email_verified", "phone_verified", "roles", "disabled", "created_at"),
    }
)


class Row(NamedTuple):
    """A line that could be a user."""

    line: int
    user: User


class Refused(NamedTuple):
    """A line that could not, and why."""

    line: int
    reason: str


class Terms(NamedTuple):
    """What lines are read under."""

    country_code: str
    now: int


class _Unfit(Exception):
    """Why a line is refused."""


def read(file: BinaryIO, terms: Terms) -> Iterator[Row | Refused]:
    """Yield every line that is not blank."""
    lacking = {kind: derivation.missing(kind) for kind in derivation.KINDS}
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            yield Row(number, _user(_fields(line), terms, lacking))
        except _Unfit as fault:
            yield Refused(number, str(fault))
        except errors.RuleBroken as refusal:
            yield Refused(number, refusal.faults[0].message)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, of one that is too long no more than shows it."""
    first = True
    while line := file.readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
        yield line.removeprefix(codecs.BOM_UTF8) if first else line
        first = False


def _fields(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise _Unfit("The line is too long.")
    try:
        fields = json.loads(line.decode(), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise _Unfit("The line is not JSON in UTF-8.") from None
    if not isinstance(fields, dict):
        raise _Unfit("The line is no JSON object.")
    for name in fields.keys() - FIELDS:
        shown = name if name.isidentifier() and len(name) <= 32 else "of odd name"
        raise _Unfit(f"The field {shown} is not known here; remove or rename it.")
    return {name: value for name, value in fields.items() if value is not None}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Else the last would win, and another reader of this file takes the first.
    if len(dict(pairs)) < len(pairs):
        raise _Unfit("A name occurs twice in the line.")
    return dict(pairs)


def _user(fields: dict[str, Any], terms: Terms, lacking: dict[str, str | None]) -> User:
    username = _optional(fields, "username", identifiers.username)
    if username is None:
        raise _Unfit("The user name is missing.")
    email = _optional(fields, "email", identifiers.email)
    phone = _optional(
        fields, "phone", lambda text: identifiers.phone(text, terms.country_code)
    )
    if email is None and phone is None:
        raise _Unfit("There is neither an e-mail address nor a phone number.")
    email_proven = _flag(fields, "email_verified", default=True)
    phone_proven = _flag(fields, "phone_verified", default=True)
    return User(
        id=tokens.new_id(terms.now),
        username=username,
        email=email,
        email_verified_at=terms.now if email and email_proven else None,
        phone=phone,
        phone_verified_at=terms.now if phone and phone_proven else None,
        password_hash=_password_hash(fields, lacking),
        password_version=1,
        roles=_roles(fields.get("roles", "")),
        created_at=_created_at(fields.get("created_at", terms.now), terms.now),
        disabled_at=terms.now if _flag(fields, "disabled", default=False) else None,
    )


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise _Unfit(f"The field {name} is no text.")


def _optional(
    fields: dict[str, Any], name: str, canonical: Callable[[str], str]
) -> str | None:
    value = _text(fields, name)
    return canonical(value) if value else None


def _flag(fields: dict[str, Any], name: str, *, default: bool) -> bool:
    value = fields.get(name, default)
    if isinstance(value, bool):
        return value
    raise _Unfit(f"The field {name} is neither true nor false.")


def _password_hash(fields: dict[str, Any], lacking: dict[str, str | None]) -> str:
    if "hash" in fields and "password_hash" in fields:
        raise _Unfit("There are password_hash and hash: one is enough.")
    stored = _text(fields, "password_hash") or _text(fields, "hash")
    if stored is None:
        raise _Unfit("The password hash is missing.")
    try:
        kind = forms.parse(stored).kind
    except ValueError as error:
        raise _Unfit(f"The password hash has {error}.") from None
    if lacking[kind]:
        raise _Unfit(f"The password hash could not be checked: {lacking[kind]}.")
    return stored


def _roles(value: object) -> str:
    words = value.split() if isinstance(value, str) else value
    if (
        not isinstance(words, list)
        or not all(isinstance(word, str) and ROLE.fullmatch(word) for word in words)
        or len(" ".join(words)) > MAX_ROLES_CHARS
    ):
        raise _Unfit("The roles are no list of words.")
    return " ".join(words)


def _created_at(value: object, now: int) -> int:
    try:
        moment = moments.iso(value) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        moment = None
    if type(moment) is int and 0 <= moment <= now:  # True is an int, but no time
        return moment
    raise _Unfit("The field created_at is no moment of the past.")
