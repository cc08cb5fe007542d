"""The way of a line to a stream: nobody waits, nothing is torn, losses told."""

import fcntl
import io
import os
import select
import socket
import threading
import time

import pytest

from authserver import log_writer
from authserver.log_writer import Writer
from tests.conftest import PATIENCE_S


def lost_line(lines):
    return f"{lines} lost\n"


class Pipe:
    """A pipe of 4 KiB with a writer on it."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, 4096)
        self.stream = os.fdopen(self.write_end, "w")
        self.writer = Writer(self.stream, lost_line)

    def read(self):
        ready, _, _ = select.select([self.read_end], [], [], PATIENCE_S)
        assert ready, "nothing came"
        return os.read(self.read_end, 65536).decode()

    def read_until(self, end):
        text = ""
        while not text.endswith(end):
            text += self.read()
        return text

    def close(self):
        # First its end: a write that hangs would keep the stream from closing.
        os.close(self.read_end)
        self.writer.stop()
        self.stream.close()


@pytest.fixture
def pipe():
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture
def small(monkeypatch):
    """Let a writer hold ten thousand characters."""
    monkeypatch.setattr(log_writer, "MAX_HELD_CHARS", 10_000)


LINE = "x" * 999 + "\n"


def test_before_the_start_who_puts_a_line_writes_it(pipe):
    pipe.writer.put("one\n")

    assert pipe.read() == "one\n"


def test_before_the_start_what_fails_is_gone_and_raises_nothing():
    with open("/dev/full", "w") as full:
        writer = Writer(full, lost_line)
        writer.put("one\n")
        writer.start()
        writer.stop()


def test_lines_keep_their_order(pipe):
    pipe.writer.start()
    for number in range(100):
        pipe.writer.put(f"{number}\n")

    lines = pipe.read_until("99\n").splitlines()
    assert lines == [str(number) for number in range(100)]


def test_nobody_waits_for_a_pipe_that_nobody_reads(pipe):
    pipe.writer.start()
    began = time.monotonic()
    for _ in range(100):
        pipe.writer.put(LINE)

    assert time.monotonic() - began < 1.0


def test_what_is_too_much_is_counted_and_told_behind_what_was_held(pipe, small):
    pipe.writer.start()
    for _ in range(100):
        pipe.writer.put(LINE)
    text = pipe.read_until(" lost\n")
    pipe.writer.put("and on\n")

    *written, told = text.splitlines()
    assert set(written) == {LINE.rstrip()}
    assert told == f"{100 - len(written)} lost"
    assert pipe.writer.lost == 100 - len(written)
    assert pipe.read() == "and on\n"


def test_each_line_of_a_text_that_is_lost_counts(pipe, small):
    pipe.writer.start()
    pipe.writer.put("a\n" * 10_000)

    assert pipe.read_until("lost\n") == "10000 lost\n"


def test_what_failed_goes_on_at_the_byte_that_failed(pipe):
    os.set_blocking(pipe.write_end, False)  # a full pipe is an error then
    os.write(pipe.write_end, b"#" * 4096)
    pipe.writer.start()
    pipe.writer.put(LINE * 20)
    pipe.writer.put("last\n")

    assert pipe.read_until("last\n") == "#" * 4096 + LINE * 20 + "last\n"


@pytest.mark.parametrize("at_once", [1, 7, 300])
def test_lines_are_written_together_but_never_in_part(at_once):
    # Each write to such a socket arrives as one packet.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    lines = [f"{number:99}\n" for number in range(300)]
    with ours, theirs, ours.makefile("w") as stream:
        writer = Writer(stream, lost_line)
        writer.start()
        for first in range(0, 300, at_once):
            writer.put("".join(lines[first : first + at_once]))
        writer.stop()
        ours.shutdown(socket.SHUT_WR)
        packets = list(iter(lambda: theirs.recv(65536).decode(), ""))

    assert len(packets) < 100
    assert max(map(len, packets)) <= 4096
    assert all(packet.endswith("\n") for packet in packets)
    assert "".join(packets) == "".join(lines)


def test_lines_of_one_event_stay_together():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, ours.makefile("w") as stream:
        writer = Writer(stream, lost_line)
        writer._hold("x" * 3000 + "\n")  # both wait when it starts to write
        writer._hold("failed\n" + "    traceback\n" * 100)
        writer.start()
        writer.stop()
        theirs.recv(65536)
        event = theirs.recv(65536).decode()

    assert event == "failed\n" + "    traceback\n" * 100


def test_line_longer_than_a_piece_is_written_whole(pipe):
    pipe.writer.start()
    pipe.writer.put("short\n" + "x" * 10_000 + "\nshort\n")

    text = pipe.read_until("x\nshort\n")
    assert text == "short\n" + "x" * 10_000 + "\nshort\n"


def test_stop_writes_what_is_held(pipe):
    pipe.writer.start()
    pipe.writer.put("one\n")
    pipe.writer.stop()

    assert pipe.read() == "one\n"


def test_after_the_stop_who_puts_a_line_writes_it_again(pipe):
    pipe.writer.start()
    pipe.writer.stop()
    pipe.writer.put("one\n")

    assert pipe.read() == "one\n"


def test_stop_waits_for_a_hanging_write_no_longer_than_told(pipe):
    pipe.writer.start()
    pipe.writer.put(LINE * 100)
    began = time.monotonic()
    pipe.writer.stop(wait_s=0.01)
    pipe.writer.put(LINE)  # nor does this one hang

    assert time.monotonic() - began < 1.0


def test_stop_gives_up_what_can_only_fail():
    with open("/dev/full", "w") as full:
        writer = Writer(full, lost_line)
        writer.start()
        writer.put(LINE)
        began = time.monotonic()
        writer.stop(wait_s=5)

    assert time.monotonic() - began < 1.0


def test_stream_of_memory_gets_the_same():
    stream = io.StringIO()
    writer = Writer(stream, lost_line)
    writer.start()
    writer.put("caf\u00e9\n")
    writer.put("half a pair: \ud800\n")
    writer.stop()

    assert stream.getvalue() == "caf\u00e9\nhalf a pair: \\ud800\n"


def test_closed_stream_is_no_reason_to_fail():
    stream = io.StringIO()
    writer = Writer(stream, lost_line)
    stream.close()
    writer.put("one\n")
    writer.start()
    writer.put("two\n")
    writer.stop()


def test_threads_lose_no_line(pipe):
    pipe.writer.start()

    def client(name):
        for number in range(50):
            pipe.writer.put(f"{name} {number}\n")

    clients = [threading.Thread(target=client, args=(name,)) for name in "abcd"]
    for each in clients:
        each.start()
    text = ""
    while text.count("\n") < 200:
        text += pipe.read()
    for each in clients:
        each.join()

    for name in "abcd":
        own = [line for line in text.splitlines() if line.startswith(name)]
        assert own == [f"{name} {number}" for number in range(50)]
