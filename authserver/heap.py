"""One heap for all threads, so that what one leaves over another uses.

glibc gives each thread a heap of its own, lest two wait for each other. Ours
wait for the interpreter anyway, and each of a dozen heaps keeps its leftovers:
after minutes of use they are 3 MiB, a tenth of what we hold, and grow slowly
for as long as we run.
"""

import contextlib
import sys
from typing import Final

M_ARENA_MAX: Final = -8  # as <malloc.h> has it; mallopt(3)


def share() -> None:
    """Have the threads that are still to start use one heap, where glibc is."""
    if sys.platform != "linux":
        return
    # A Python may lack ctypes, and other C libraries have no such function.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
