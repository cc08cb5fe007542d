"""The benchmark measures what it says: its arithmetic and its accounting."""

import importlib.util
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.bench import (
    driving,
    footprint,
    idle,
    login,
    processes,
    protected,
    refresh,
    rows,
    users,
)
from tests.bench.__main__ import ROWS
from tests.bench.goals import Goal, Options, percentile, table
from tests.processes import ROOT, wait_until

BURN = "sum(range(40_000_000))"
# A parent that waits for a child that works, as gunicorn's does.
PARENT = (
    "import subprocess, sys;"
    f"subprocess.run([sys.executable, '-c', '{BURN}']);"
    "print('done', flush=True); sys.stdin.read()"
)


def test_every_row_is_a_module_and_a_line_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    listed = re.findall(
        r"^\| `(\w+)` \|", readme.split("## Benchmark")[1], re.MULTILINE
    )

    assert listed == list(ROWS)
    assert all(importlib.util.find_spec(f"tests.bench.{row}") for row in ROWS)


def test_bounds_are_those_that_were_promised():
    assert protected.BOUNDS == {
        "FastAPI": 1 / 6,
        "Starlette": 1 / 3,
        "Flask": 1 / 14,
        "stock handler": 1 / 2,
    }
    assert (login.SHARE_OF_RAW, login.P99_MS, login.P99_OF_FASTAPI) == (0.95, 2, 0.1)
    assert login.SECONDS >= 30
    assert refresh.BOUND == 5
    assert (idle.COUNTS, idle.KIB_BOUND, idle.P99_BOUND) == ((1000, 5000), 4, 1.5)
    assert footprint.ANSWER_BOUND_MS == 100
    assert (footprint.RSS_BOUND_MIB, footprint.OF_FASTAPI) == (25, 0.5)
    assert (users.COUNTS, users.BOUND) == ((1_000, 100_000, 1_000_000), 1.3)


def test_answer_in_pieces_is_complete_with_its_last_byte():
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"

    assert all(driving.complete(whole[:size], 0) is None for size in range(len(whole)))
    assert driving.complete(whole, 0)[:2] == (200, b"abc")


def test_addresses_of_a_crowd_differ():
    found = {driving.address_text(number) for number in range(0, 1 << 24, 997)}

    assert len(found) == len(range(0, 1 << 24, 997))


def test_row_that_breaks_has_failed_and_the_next_one_runs(capsys):
    def broken(options):
        raise driving.BadAnswer("closed")

    (goal,) = rows.measured(SimpleNamespace(run=broken), Options())

    assert not goal.reached
    assert "BadAnswer: closed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (1, 100), (0.001, 1)]
)
def test_percentile_is_a_value_that_was_measured(share, value):
    assert percentile(range(100, 0, -1), share) == value


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        (Goal("CPU", 0.5, 0.5), True),
        (Goal("CPU", 0.51, 0.5), False),
        (Goal("of raw bcrypt", 0.95, 0.95, at_least=True), True),
        (Goal("of raw bcrypt", 0.94, 0.95, at_least=True), False),
    ],
)
def test_goal_is_reached_at_its_bound_and_not_beyond(goal, reached):
    assert goal.reached is reached


def test_table_puts_numbers_to_the_right():
    assert table(("", "n"), [("ours", "1"), ("x", "10")]) == (
        "       n\nours   1\nx     10"
    )


def test_work_of_a_child_counts_while_it_lives_and_after_it_ended():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdin
    assert parent.stdout
    with parent:
        wait_until(lambda: len(processes.tree(parent.pid)) == 2, "the child")
        wait_until(lambda: processes.cpu_s(parent.pid) > 0.3, "work of the child")
        parent.stdout.readline()
        after_s = processes.cpu_s(parent.pid)
        alone = processes.tree(parent.pid)
        parent.stdin.close()

    assert alone == [parent.pid]
    assert after_s > 0.3


def test_memory_of_a_process_is_that_of_its_tree():
    assert 1 < processes.rss_mib(os.getpid()) < 4096
