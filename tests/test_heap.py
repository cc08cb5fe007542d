"""However many threads serve, what they hold comes from one heap."""

import re
import sys
from pathlib import Path

import pytest

from tests.processes import ServerProcess, join

# glibc reserves so much for each heap but the first, and uses it bit by bit.
HEAP_BYTES = 64 * 1024**2
RESERVED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) ---p 00000000 00:00 0", re.MULTILINE)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_threads_of_a_server_share_one_heap(tmp_path):
    server = ServerProcess(tmp_path).start()
    try:
        join(server)
        reserved = reserved_bytes(server)
    finally:
        server.kill()

    assert [size for size in reserved if HEAP_BYTES / 2 < size < HEAP_BYTES] == []


def reserved_bytes(server: ServerProcess) -> list[int]:
    """Return the sizes of what a server has reserved and not used yet."""
    assert server.process
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    return [int(end, 16) - int(start, 16) for start, end in RESERVED.findall(maps)]
