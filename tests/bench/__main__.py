"""What a request costs here and elsewhere, measured side by side.

    python -m tests.bench                         everything, about 20 minutes
    python -m tests.bench protected login         these rows alone
    python -m tests.bench profile                 where each microsecond goes
    python -m tests.bench --rounds 1 --seconds 2  quickly, and not to be quoted

Ours is the real `server.py`, a process in a folder of its own on SQLite, with
its access log written to a file. The peers are what a good programmer writes in
an afternoon with the usual frameworks (`peers/`), deployed as their manuals say
and without an access log. All run on the same interpreter, one after the other,
in several rounds; what is printed are medians, of ratios too, round by round.
The same machine runs the load. Let nothing else run on it.

    CPU   user and system time of the server's whole process tree, from /proc,
          over the measured window, by the requests answered in it. The steady
          figure: neighbours and the load generator move it least.
    req/s, p50, p99   as wrk measures them, closed loop, on shared cores
    RSS   resident memory of the tree, right after the window

What it needs goes into `tests/bench/.venv` on the first run; wrk, a C compiler
and MariaDB are packages of Debian's, installed if missing and the user is root.
Exit status 1 when a figure that must be reached is missed.
"""

import argparse
import os
import sys

from tests.bench import preparing

ROWS = (
    "protected",
    "login",
    "refresh",
    "register",
    "idle",
    "footprint",
    "users",
    "profile",
)
MARIADB = ("mariadb-server-core", "mariadb-client-core")


def main() -> int:
    """Measure the chosen rows, and return the exit status."""
    options = _options()
    preparing.enter_venv()
    # All of it now, and not after a quarter of an hour.
    preparing.require("wrk", "wrk")
    if "refresh" in options.rows:
        preparing.require("cc", "gcc", "libc6-dev")
    if "users" in options.rows and not os.environ.get("TEST_MYSQL_URL"):
        preparing.require("mariadb-install-db", *MARIADB)
    # The rows import what only the venv has.
    from tests.bench import rows

    return rows.run(options.rows, rounds=options.rounds, seconds=options.seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure ours and its peers."
    )
    parser.add_argument("rows", nargs="*", metavar="row", help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, help="per row; its own default if none")
    parser.add_argument("--seconds", type=int, help="of each measured window")
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    options.rows = options.rows or list(ROWS)
    return options


if __name__ == "__main__":
    sys.exit(main())
