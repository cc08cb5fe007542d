"""One person answered with another's name, by something shared (row C24).

Tinyauth kept who is logged in where every request could see it
(CVE-2026-33544).
"""

import pytest

from tests.faults.rows import failures


def test_crowd_that_asks_at_once_is_told_apart():
    assert failures("C24") == []


@pytest.mark.slow
def test_crowd_that_asks_for_long_is_told_apart():
    assert failures("C24", full=True) == []
