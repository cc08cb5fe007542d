"""Running rows one after the other, and saying what was reached."""

import importlib
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

from tests.bench.goals import Goal, Options


def run(names: Sequence[str], *, rounds: int | None, seconds: int | None) -> int:
    """Run the rows, print every verdict, and return the exit status."""
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load average before {os.getloadavg()[0]:.2f}"
    )
    options = Options(rounds, seconds)
    verdicts: list[tuple[str, Goal]] = []
    for name in names:
        row = importlib.import_module(f"tests.bench.{name}")
        print(f"\n== {name}: {row.__doc__.splitlines()[0]}\n", flush=True)
        verdicts += [(name, goal) for goal in measured(row, options)]
    print("\n== what must be reached\n")
    for name, goal in verdicts:
        print(f"{'passed' if goal.reached else 'FAILED':<7} {name:<10} {goal}")
    sys.stdout.flush()
    return 0 if all(goal.reached for _, goal in verdicts) else 1


def measured(row: ModuleType, options: Options) -> list[Goal]:
    """Return what a row reached; one that broke has failed, others go on."""
    try:
        goals: list[Goal] = row.run(options)
    except (RuntimeError, OSError, subprocess.SubprocessError):
        traceback.print_exc()
        return [Goal("measured to the end", 0, 1, at_least=True)]
    return goals
