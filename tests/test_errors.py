"""Refusals: public by class, private by detail, and no two alike."""

import re
from http import HTTPStatus

import pytest

from authserver import errors

EVERY = errors.every()


def test_codes_are_unique_and_snake_case():
    codes = [each.code for each in EVERY]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("refusal", EVERY)
def test_each_refusal_is_an_error_with_a_sentence_of_its_own(refusal):
    assert 400 <= refusal.status < 600
    assert isinstance(refusal.status, HTTPStatus)
    assert refusal.message != errors.AuthError.message
    assert refusal.code != errors.AuthError.code
    assert refusal.__doc__


def test_detail_is_for_the_log_and_not_the_message():
    error = errors.InvalidToken("bad signature")

    assert error.detail == str(error) == "bad signature"
    assert "signature" not in error.message


def test_without_detail_the_log_gets_the_message():
    assert str(errors.NotFound()) == errors.NotFound.message


def test_broken_rule_names_its_field():
    error = errors.RuleBroken("email", errors.Complaint("form", "This is no address."))

    assert error.faults == (errors.FieldFault("email", "This is no address.", "form"),)
    assert "This is no address." not in error.detail


def test_unavailable_always_says_when_to_come_back():
    assert errors.Unavailable().retry_after_s == 2
    assert errors.Unavailable("queue is full", retry_after_s=7).retry_after_s == 7


def test_sessions_in_use_and_wrong_credentials_tell_nothing_of_the_cause():
    sentences = {
        errors.InvalidCredentials("x").message,
        errors.InvalidCredentials.message,
    }

    assert len(sentences) == 1
