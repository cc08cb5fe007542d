"""A declared body: its names, types and limits, and the faults it names."""

import pytest

from authserver import errors
from authserver.web.api import fields
from authserver.web.api.fields import Field, OtpField

NAME = Field("name", "alice", aliases=("username",), required=True, max_chars=5)
COLOUR = Field("colour", "red", choices=("red", "blue"))
LOUD = Field("loud", example=True)
OTP = OtpField("otp", "123456")
DECLARED = (NAME, COLOUR, LOUD, OTP)


def faults(**payload):
    with pytest.raises(errors.InvalidBody) as refused:
        fields.read(DECLARED, payload)
    return {fault.field: fault.message for fault in refused.value.faults}


def test_each_declared_field_has_a_value_none_where_absent():
    values = fields.read(DECLARED, {"name": "bob", "loud": False})

    assert values == {"name": "bob", "colour": None, "loud": False, "otp": None}


def test_an_alias_is_the_field():
    assert fields.read(DECLARED, {"username": "bob"})["name"] == "bob"


def test_unknown_fields_are_ignored():
    assert "email" not in fields.read(DECLARED, {"name": "bob", "email": 1})


def test_two_names_of_one_field_are_refused_even_when_they_agree():
    assert faults(name="bob", username="bob") == {
        "username": "Send this or name, not both."
    }


def test_missing_field_is_named_with_all_its_names():
    assert faults() == {"name": "This is missing (send name or username)."}


def test_every_fault_is_told_at_once():
    found = faults(username=1, colour="green", loud="yes", otp=None)

    assert found == {
        "username": "This must be a string.",
        "colour": "This must be one of: red, blue.",
        "loud": "This must be true or false.",
        "otp": "This must be a string.",
    }


def test_length_counts_in_characters():
    assert fields.read(DECLARED, {"name": "\u20ac" * 5})["name"] == "\u20ac" * 5
    assert faults(name="\u20ac" * 6) == {
        "name": "This must not be longer than 5 characters."
    }


@pytest.mark.parametrize("value", [0, 1, "true", None, [], 1.0])
def test_only_true_and_false_are_booleans(value):
    assert faults(name="bob", loud=value) == {"loud": "This must be true or false."}


@pytest.mark.parametrize(
    ("given", "code"),
    [(123456, "123456"), (1, "000001"), (123456.0, "123456"), ("012345", "012345")],
)
def test_code_may_be_a_number_that_lost_its_zeros(given, code):
    assert fields.read(DECLARED, {"name": "bob", "otp": given})["otp"] == code


@pytest.mark.parametrize("number", [0, -1, 1_000_000, 0.0, 1e9])
def test_number_that_is_no_code_is_refused(number):
    assert faults(name="bob", otp=number) == {"otp": "This must be six digits."}


@pytest.mark.parametrize("value", [True, 1.5, None, [1], {"1": 1}])
def test_other_types_are_no_code(value):
    assert faults(name="bob", otp=value) == {"otp": "This must be a string."}


def test_log_names_the_fields_and_not_their_values():
    with pytest.raises(errors.InvalidBody) as refused:
        fields.read(DECLARED, {"name": ["s3cr3t"], "otp": {"s3cr3t": 1}})

    assert refused.value.detail == "name, otp"
