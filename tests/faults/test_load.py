"""Too many, too slow, too often: THREATS rows R10 to R14 and R18, and so C19.

Small counts here, and figures as a busy machine reaches them;
`python -m tests.faults --full` has the rows' own.
"""

import pytest

from tests.faults.rows import failures


def test_server_out_of_file_handles_serves_on():
    assert failures("R10") == []


def test_slow_clients_are_cut_off_at_their_deadlines():
    assert failures("R11") == []


def test_idle_connections_are_cheap_and_end():
    assert failures("R12") == []


def test_nobody_is_lost_when_all_connect_at_once():
    assert failures("R13") == []


def test_login_storm_is_shed_and_others_do_not_notice():
    assert failures("R14") == []


@pytest.mark.slow
@pytest.mark.parametrize("row", ["R10", "R11", "R12", "R13", "R14", "R18"])
def test_full_counts_of_the_row_pass(row):
    assert failures(row, full=True) == []
