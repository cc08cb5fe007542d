"""Connections that are reset at every stage of their lives (row C23).

One malformed event on a socket ended waitress (CVE-2022-31015).
"""

import pytest

from tests.faults.rows import failures


def test_resets_at_every_stage_leave_nothing_behind():
    assert failures("C23") == []


@pytest.mark.slow
def test_ten_thousand_resets_leave_nothing_behind():
    assert failures("C23", full=True) == []
