"""Break a real server in the ways of THREATS.md, and print what it did.

    python -m tests.faults                      all rows, with small counts
    python -m tests.faults R11 C23              these rows
    python -m tests.faults --full               all, and the soak, in full
    python -m tests.faults R18 --soak-minutes 30

Each row starts `server.py` in an empty folder. Its figures are printed beside
what passes; exit status 1 when one does not. Times are of this machine with
nothing else running: whoever shares it sees worse.
"""

import argparse
import sys

from tests.faults.rows import ROWS, figures


def main() -> int:
    """Run what was asked for, print figures, return the exit status."""
    options = _options()
    names = options.rows or [
        name for name, row in ROWS.items() if options.full or not row.takes_long
    ]
    failed = []
    for name in names:
        row = ROWS[name]
        changes = {"minutes": options.soak_minutes} if name == "R18" else {}
        amounts = {**(row.full if options.full else row.quick), **changes}
        described = ", ".join(f"{key} {value}" for key, value in amounts.items())
        print(f"{name} {row.title} ({described})", flush=True)
        found = figures(name, full=options.full, **changes)
        print(*found, sep="\n", end="\n\n", flush=True)
        if not all(each.passes() for each in found):
            failed.append(name)
    print(f"FAILED: {' '.join(failed)}" if failed else f"ok: {' '.join(names)}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Break a server, and measure."
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--full", action="store_true", help="the rows' own counts")
    parser.add_argument("--soak-minutes", type=float, default=30)
    options = parser.parse_args()
    for name in options.rows:
        if name not in ROWS:
            parser.error(f"no row {name}; there are {', '.join(ROWS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
