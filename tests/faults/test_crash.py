"""SIGKILL under load: what was acknowledged stands, and nobody is locked out.

A few kills; `python -m tests.faults.crash --kills 50` makes more.
"""

from tests.faults import crash


def test_killed_server_keeps_what_it_acknowledged(tmp_path):
    report = crash.run(tmp_path, kills=5, people=6)

    assert report.broken == []
    assert len(report.restarts_s) == 5
    assert report.lives >= 6
