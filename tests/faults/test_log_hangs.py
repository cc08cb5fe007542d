"""A log that nobody reads, or whose disk is full: no request notices.

Real servers. They answer as fast as before and end in time; once the log can be
written again its lines come, whole, with a count of those that are gone.
"""

import fcntl
import os
import re
import socket
import statistics
import subprocess
import time
from http.client import HTTPConnection

import pytest

from tests.faults.disks import MIB, small_disk
from tests.ports import free_port
from tests.processes import ServerProcess, environment, wait_until

LONG = "/" + "x" * 450  # 1 KiB of log for each request of an unknown path
FLOOD = 6_000  # of them: more than pipe and server hold together
LOST = re.compile(r" (\d+) log lines before this one could not be written\n")
SMALLEST_PIPE = 4096
ENOUGH_S = 0.05  # for 99 of 100 answers, on a machine that does other things too
MUST_END_WITHIN_S = 10


class Talker:
    """Asks one server over one connection, and measures."""

    def __init__(self, port):
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self.close = self._connection.close

    def ask(self, path="/healthz"):
        """Return the status, and how long the answer took."""
        began = time.monotonic()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began


class Pipe:
    """A pipe that is full, until somebody reads it."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}
        fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
        os.write(self.write_end, b"#" * (SMALLEST_PIPE - 1) + b"\n")

    def read_until(self, sign):
        """Return all text up to a line that holds `sign`."""
        text = b""
        while not (sign in text and text.endswith(b"\n")):
            text += os.read(self.read_end, 65536)
        return text.decode()

    def close(self):
        for end in self._open:
            os.close(end)
        self._open.clear()


@pytest.fixture
def pipe():
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture
def server(tmp_path):
    server = ServerProcess(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def talk():
    """Return what opens a connection to a port, closed at the end."""
    opened = []

    def talk(port):
        opened.append(Talker(port))
        return opened[-1]

    yield talk
    for talker in opened:
        talker.close()


@pytest.fixture
def start(server, talk, tmp_path):
    """Return what starts it with this standard error, and a way to ask it."""

    def start(stderr):
        server.port = free_port()
        server.process = subprocess.Popen(
            server.command,
            cwd=tmp_path,
            env=environment({"PORT": str(server.port)}),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        wait_until(lambda: listens(server.port), "a server")
        return talk(server.port)

    return start


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def nearly_all_s(answers):
    """Return how long 99 of 100 took at most; all about an unknown path."""
    assert {status for status, _ in answers} == {404}
    return statistics.quantiles([took_s for _, took_s in answers], n=100)[-1]


def told(log):
    """Return how many lines about `LONG` a log has, and how many it lacks."""
    lines = [line for line in log.splitlines() if LONG[:100] in line]
    assert all(line.startswith("2") and LONG in line for line in lines)
    return len(lines), sum(int(found) for found in LOST.findall(log))


def test_pipe_that_nobody_reads_holds_up_nobody(start, pipe):
    talker = start(pipe.write_end)

    took_s = nearly_all_s([talker.ask(LONG) for _ in range(FLOOD)])

    assert took_s < ENOUGH_S


def test_whoever_reads_again_gets_whole_lines_and_a_count(start, pipe):
    talker = start(pipe.write_end)
    for _ in range(FLOOD):
        talker.ask(LONG)

    log = pipe.read_until(b"before this one could not be written")
    talker.ask("/afterwards")
    log += pipe.read_until(b"GET /afterwards 404")

    written, lost = told(log)
    assert lost > 0
    assert written + lost == 2 * FLOOD


def test_server_ends_in_time_though_its_log_hangs(start, server, pipe):
    talker = start(pipe.write_end)
    talker.ask()
    began = time.monotonic()
    server.signal(15)

    assert server.wait() == 0
    assert time.monotonic() - began < MUST_END_WITHIN_S


def test_server_starts_and_ends_though_nobody_reads_what_it_has_to_say(
    server, talk, pipe, tmp_path
):
    server.port = free_port()
    server.process = subprocess.Popen(
        server.command,
        cwd=tmp_path,
        # Of the latter it warns; where codes are shown it prints.
        env=environment({"PORT": str(server.port), "BCRYPT_ROUNDS": "4"}),
        stdout=pipe.write_end,
        stderr=pipe.write_end,
    )
    wait_until(lambda: listens(server.port), "a server")
    assert talk(server.port).ask()[0] == 200
    began = time.monotonic()
    server.signal(15)

    assert server.wait() == 0
    assert time.monotonic() - began < MUST_END_WITHIN_S


def test_log_that_can_never_be_written_harms_nobody(start, server):
    with open("/dev/full", "wb") as full:
        talker = start(full)

    took_s = nearly_all_s([talker.ask(LONG) for _ in range(FLOOD)])

    assert took_s < ENOUGH_S
    server.signal(15)
    assert server.wait() == 0


def test_reader_that_goes_away_harms_nobody(start, server, pipe):
    talker = start(pipe.write_end)
    pipe.close()

    took_s = nearly_all_s([talker.ask(LONG) for _ in range(FLOOD)])

    assert took_s < ENOUGH_S
    server.signal(15)
    assert server.wait() == 0


@pytest.fixture(params=["disk", "files"])
def disk(request, tmp_path):
    (tmp_path / "small").mkdir()
    size_bytes = 32 * MIB  # the flood fits in, once
    with small_disk(tmp_path / "small", request.param, size_bytes=size_bytes) as disk:
        yield disk


@pytest.fixture
def cramped(disk):
    """A server whose data and log are on a disk that is now full."""
    server = ServerProcess(disk.folder).start()
    disk.fill(server)
    yield server
    server.kill()


def test_full_disk_holds_up_nobody(cramped, talk):
    talker = talk(cramped.port)

    took_s = nearly_all_s([talker.ask(LONG) for _ in range(FLOOD)])

    assert took_s < ENOUGH_S


def test_disk_that_is_free_again_gets_whole_lines_and_a_count(cramped, disk, talk):
    talker = talk(cramped.port)
    for _ in range(FLOOD):
        talker.ask(LONG)

    disk.free(cramped)
    wait_until(lambda: LOST.search(cramped.log()), "the count")
    talker.ask("/afterwards")
    wait_until(lambda: "GET /afterwards 404" in cramped.log(), "a line")

    written, lost = told(cramped.log())
    assert lost > 0
    assert written + lost == 2 * FLOOD
