"""However many threads serve, what they take comes from one heap."""

import re
import sys

import pytest

from tests.processes import ServerProcess, join

# glibc reserves so much for each heap but the first, and uses it bit by bit.
HEAP_BYTES = 64 * 1024**2
RESERVED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) ---p 00000000 00:00 0", re.MULTILINE)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_threads_of_a_server_share_one_heap(tmp_path):
    server = ServerProcess(tmp_path).start()
    try:
        join(server)
        assert server.process
        with open(f"/proc/{server.process.pid}/maps") as maps:
            reserved = [int(end, 16) - int(start, 16) for start, end in heaps(maps)]
    finally:
        server.kill()

    assert not [size for size in reserved if HEAP_BYTES / 2 < size < HEAP_BYTES]


def heaps(maps):
    return RESERVED.findall(maps.read())
