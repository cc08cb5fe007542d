"""Threads that hash go after those that somebody waits for, on Linux."""

import ctypes
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from authserver.passwords import niceness

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


def in_a_thread(look):
    """Return what `look` finds in a thread of its own that goes last."""
    found = []
    thread = threading.Thread(target=lambda: (niceness.go_last(), found.append(look())))
    thread.start()
    thread.join()
    return found[0]


def own_niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def own_slice_ns():
    path = Path(f"/proc/self/task/{threading.get_native_id()}/sched")
    return int(re.search(r"se\.slice\s*:\s*(\d+)", path.read_text())[1])


def slices_can_be_asked_for():
    version = tuple(int(part) for part in os.uname().release.split(".")[:2])
    shown = Path("/proc/self/sched").exists()
    return version >= (6, 12) and shown and os.uname().machine in niceness.SYSTEM_CALLS


def test_thread_is_nicer_than_before_and_no_other_is():
    before = own_niceness()

    assert in_a_thread(own_niceness) == max(before, niceness.NICENESS)
    assert own_niceness() == before


@pytest.mark.skipif(not slices_can_be_asked_for(), reason="of Linux 6.12")
def test_thread_has_the_longest_slices_and_no_other_has():
    before = own_slice_ns()

    assert in_a_thread(own_slice_ns) == niceness.SLICE_NS
    assert own_slice_ns() == before != niceness.SLICE_NS


@pytest.mark.parametrize(
    ("module", "name"), [(os, "setpriority"), (ctypes, "CDLL"), (os, "getpriority")]
)
def test_sandbox_that_forbids_it_stops_nothing(monkeypatch, module, name):
    def forbid(*_):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(module, name, forbid)

    assert in_a_thread(lambda: "hashed") == "hashed"
