"""The cost of a process and all that it started, as Linux counts it.

`/proc/<pid>/stat` (proc_pid_stat(5)) has the user and system time of a process
and of its children that have ended and been waited for. Summed over the living
tree nothing is counted twice, and a worker that ends between two looks does not
make the sum smaller. The kernel counts in ticks, 10 ms as a rule, so a window
of seconds is measured to a percent.
"""

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PPID, UTIME, CSTIME = 1, 11, 14  # behind the name, which may hold blanks


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process and its descendants took."""
    ticks = 0
    for each in tree(pid):
        ticks += sum(int(field) for field in _fields(each)[UTIME : CSTIME + 1])
    return ticks * TICK_S


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process and its descendants."""
    return sum(_rss_kib(each) for each in tree(pid)) / 1024


def tree(pid: int) -> list[int]:
    """Return a process and its descendants that live."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        fields = _fields(int(path.name))
        if fields:
            children.setdefault(int(fields[PPID]), []).append(int(path.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _rss_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) for line in lines if line[:1] == ["VmRSS:"]), 0)
