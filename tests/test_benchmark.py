"""The benchmark measures what it says: its arithmetic and its accounting."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.bench import processes
from tests.bench.__main__ import ROWS
from tests.bench.goals import Goal, percentile, table
from tests.processes import wait_until

BURN = "sum(range(40_000_000))"
# A parent that waits for a child that works, as gunicorn's does.
PARENT = (
    "import subprocess, sys;"
    f"subprocess.run([sys.executable, '-c', '{BURN}']);"
    "print('done', flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_a_module(row):
    assert importlib.util.find_spec(f"tests.bench.{row}")


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
