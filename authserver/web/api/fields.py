"""Declaring a body, and reading one by its declaration.

Each route lists the fields it takes. The same list validates requests here and
describes the route to readers, so the two cannot differ. A field may come under
several names, since five older systems used different ones; two names at once
would leave open which one counts, so that is refused. Unknown fields are
ignored.

Types are checked strictly: a number, a boolean, null or a list where text is
expected is 400 and never reaches a query, where some databases would find that
0 equals 'abc'.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from authserver import errors
from authserver.errors import Complaint, FieldFault

MAX_OTP = 999_999
MAX_TEXT_CHARS = 1024  # no field of ours needs more

NOT_BOOLEAN = Complaint("not_boolean", "This must be true or false.")
NOT_TEXT = Complaint("not_text", "This must be a string.")
NOT_A_CODE = Complaint("not_a_code", "This must be six digits.")


class Field(NamedTuple):
    """One field of a body: its names, type and limits, with an example."""

    name: str
    example: str | bool
    aliases: tuple[str, ...] = ()
    required: bool = False
    max_chars: int = MAX_TEXT_CHARS
    choices: tuple[str, ...] = ()

    def read(self, payload: Mapping[str, Any]) -> tuple[Any, FieldFault | None]:
        """Return the value (None if absent) and what is wrong with it."""
        given = [name for name in (self.name, *self.aliases) if name in payload]
        if len(given) > 1:
            both = Complaint("given_twice", f"Send this or {given[0]}, not both.")
            return None, both.of(given[1])
        if not given:
            return None, self._absent() if self.required else None
        name, value = given[0], payload[given[0]]
        if isinstance(self.example, bool):
            wrong = None if type(value) is bool else NOT_BOOLEAN
        else:
            wrong = self._wrong_text(value)
        return value, wrong.of(name) if wrong else None

    def _wrong_text(self, value: object) -> Complaint | None:
        if not isinstance(value, str):
            return NOT_TEXT
        if len(value) > self.max_chars:
            most = f"This must not be longer than {self.max_chars} characters."
            return Complaint("too_long", most)
        if self.choices and value not in self.choices:
            choices = f"This must be one of: {', '.join(self.choices)}."
            return Complaint("not_a_choice", choices)
        return None

    def _absent(self) -> FieldFault:
        names = " or ".join((self.name, *self.aliases))
        return Complaint("missing", f"This is missing (send {names}).").of(self.name)


class OtpField(Field):
    """A six-digit code, as text or as the JSON number one old dialect sends.

    A number has lost its leading zeros, so they are put back. 0 is refused: it
    is what a missing number turns into in many languages. 1.0 is 1, since JSON
    has but one kind of number.
    """

    def read(self, payload: Mapping[str, Any]) -> tuple[Any, FieldFault | None]:
        """Return the code as text."""
        value = payload.get(self.name)
        if type(value) is int or (type(value) is float and value.is_integer()):
            if 0 < value <= MAX_OTP:
                return f"{int(value):06d}", None
            return None, NOT_A_CODE.of(self.name)
        return super().read(payload)


class Choice(NamedTuple):
    """Of these fields one must come; more than one only if `several`."""

    names: tuple[str, ...]
    complaint: Complaint
    several: bool = False

    def fault(self, values: Mapping[str, Any]) -> FieldFault | None:
        """Return what is wrong with the fields' values, taken together."""
        given = sum(values[name] is not None for name in self.names)
        if given == 1 or (given and self.several):
            return None
        return self.complaint.of(self.names[0])


class Needs(NamedTuple):
    """The field `name` means nothing without the field `other`."""

    name: str
    other: str
    complaint: Complaint

    def fault(self, values: Mapping[str, Any]) -> FieldFault | None:
        """Return what is wrong with the fields' values, taken together."""
        if values[self.name] is None or values[self.other] is not None:
            return None
        return self.complaint.of(self.other)


Rule = Choice | Needs


def read(
    declared: tuple[Field, ...],
    payload: Mapping[str, Any],
    rules: tuple[Rule, ...] = (),
) -> dict[str, Any]:
    """Return the value of each declared field, None where absent.

    Raises `InvalidBody` that names every field at fault. Rules speak of fields
    that are well-formed, so they come second.
    """
    values, faults = {}, []
    for each in declared:
        values[each.name], fault = each.read(payload)
        if fault is not None:
            faults.append(fault)
    if not faults:
        faults = [fault for rule in rules if (fault := rule.fault(values))]
    if faults:
        raise errors.InvalidBody(
            ", ".join(fault.field for fault in faults), faults=tuple(faults)
        )
    return values
