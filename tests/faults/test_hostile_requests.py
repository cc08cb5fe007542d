"""Rows C9, C10 and C22 of THREATS.md: what requests claim and hold."""

import pytest

from tests.faults.rows import failures


def test_no_twin_of_a_header_moves_a_limit_or_names_somebody():
    assert failures("C9") == []


def test_made_up_addresses_have_one_limit():
    assert failures("C10") == []


def test_text_that_nearly_matches_takes_no_time():
    assert failures("C22") == []


@pytest.mark.slow
@pytest.mark.parametrize("row", ["C9", "C10", "C22"])
def test_full_counts_of_the_row_pass(row):
    assert failures(row, full=True) == []
