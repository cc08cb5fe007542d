"""The rows of THREATS.md that are run from here, each quick or in full.

A row's function is given an empty folder and how much to do; it starts a real
server, breaks something, and returns figures with what each must reach. `quick`
takes seconds and is what the tests do; `full` are the counts of the row itself.

To add a row, write such a function and name it here.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.attacks import near_matches
from tests.faults import (
    claims,
    crowds,
    handles,
    mixing,
    patterns,
    resets,
    slow,
    soak,
    storm,
    upgrades,
)
from tests.faults.figures import Figure


class Row(NamedTuple):
    """What is done, and how much of it."""

    title: str
    run: Callable[..., list[Figure]]  # (folder, **amounts)
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    takes_long: bool = False  # in any case; left out unless it is asked for


ROWS = {
    "R10": Row(
        "file handles run out",
        handles.run,
        {"connections": 600, "hold_s": 4},
        {"connections": 2_000, "hold_s": 30},
    ),
    "R11": Row(
        "slow clients",
        slow.run,
        {"connections": 100, "seconds": 35, "together": True},
        {"connections": 1_000, "seconds": 120, "together": False},
    ),
    "R12": Row(
        "idle connections",
        crowds.run_idle,
        {"connections": 400},
        {"connections": 5_000},
    ),
    "R13": Row(
        "everybody connects at once",
        crowds.run_burst,
        {"connections": 1_000, "times": 2},
        {"connections": 1_000, "times": 10},
    ),
    "R14": Row(
        "login storm",
        storm.run,
        {"seconds": 4, "ceiling_s": 2},
        {"seconds": 300, "ceiling_s": 20},
    ),
    "R18": Row(
        "soak",
        soak.run,
        {"minutes": 30},
        {"minutes": 30},
        takes_long=True,
    ),
    "R19": Row(
        "stops, upgrades and lost workers",
        upgrades.run,
        {"people": 4, "times": 1},  # more than 4 hashes of one address are shed
        {"people": 4, "times": 5},
    ),
    "C9": Row(
        "headers that look like others",
        claims.run_twins,
        {"guesses": 7},
        {"guesses": 100},
    ),
    "C10": Row(
        "made-up addresses",
        claims.run_addresses,
        {"addresses": 50},
        {"addresses": 1_000},
    ),
    "C22": Row(
        "text that nearly matches",
        patterns.run,
        {"chars": (64, 254, None)},
        {"chars": (*near_matches.CHARS, None)},
    ),
    "C23": Row(
        "resets at every stage",
        resets.run,
        {"connections": 900},
        {"connections": 10_000},
    ),
    "C24": Row(
        "people who are mixed up",
        mixing.run,
        {"people": 64, "calls": 100},
        {"people": 64, "calls": 10_000},
    ),
}


def figures(name: str, *, full: bool = False, **changes: float) -> list[Figure]:
    """Run a row in a folder of its own."""
    row = ROWS[name]
    amounts = {**(row.full if full else row.quick), **changes}
    with tempfile.TemporaryDirectory() as folder:
        return row.run(Path(folder), **amounts)


def failures(name: str, *, full: bool = False, **changes: float) -> list[str]:
    """Return the figures that do not pass even for a busy machine."""
    found = figures(name, full=full, **changes)
    return [str(each) for each in found if not each.passes(busy=True)]
