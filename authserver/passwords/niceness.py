"""Letting a thread that only computes go after those that somebody waits for.

Linux gives a core to threads in turn, for a slice of some milliseconds. Whoever
wakes up has to wait until the one at work has used its slice, unless it asks
for a shorter one. So a thread that hashes passwords, on all cores at once, asks
for long slices: then everybody else's are shorter, and a request that needs no
hash is not kept waiting (Linux 6.12 and later, sched_setattr(2)). And it is
nice, so that the others get the larger share.

Neither is ever needed: where they are refused or unknown, hashes are as fast,
and only the others' answers sometimes take milliseconds longer.
"""

import contextlib
import os
import sys
import threading
from typing import Final

NICENESS: Final = 10
SLICE_NS: Final = 100_000_000  # the longest that Linux grants
# Python knows no function for it, and the C library only since glibc 2.41.
SYSTEM_CALLS: Final = {"x86_64": 314, "aarch64": 274}
SCHED_OTHER: Final = 0


def go_last() -> None:
    """Have this thread go after others, as far as the system knows how."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    number = SYSTEM_CALLS.get(os.uname().machine)
    if number is not None:
        with contextlib.suppress(ImportError, OSError):  # a Python without ctypes
            _ask_for_long_slices(number)


def _ask_for_long_slices(number: int) -> None:
    import ctypes

    class Attributes(ctypes.Structure):
        """`struct sched_attr`, as its first version was."""

        _fields_ = (
            ("size", ctypes.c_uint32),
            ("sched_policy", ctypes.c_uint32),
            ("sched_flags", ctypes.c_uint64),
            ("sched_nice", ctypes.c_int32),
            ("sched_priority", ctypes.c_uint32),
            ("sched_runtime", ctypes.c_uint64),  # ns
            ("sched_deadline", ctypes.c_uint64),
            ("sched_period", ctypes.c_uint64),
        )

    niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    wanted = Attributes(
        ctypes.sizeof(Attributes), SCHED_OTHER, 0, niceness, 0, SLICE_NS, 0, 0
    )
    # 0 is the thread that asks. A refusal changes nothing, so it is not read.
    ctypes.CDLL(None).syscall(number, 0, ctypes.byref(wanted), 0)
