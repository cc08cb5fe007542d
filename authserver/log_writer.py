"""Writing lines to a stream that may hang or fail, without anybody waiting.

    any thread --put--> [ held, at most 4 Mi characters ]
                                      one thread --> stream

Standard error may be a pipe that nobody reads, a terminal that was stopped with
Ctrl-S, or a file on a full disk. A write to the first two never returns, one to
the third fails. Whoever logs inside a request must feel neither, so once
`start` was called a line is only put into a list, and one thread writes:

* Whole lines, several at once when several wait, up to what the system writes
  in one piece: those of two processes on one pipe never mix, unless one is
  longer than that (4 KiB) by itself.
* What fails is tried again until it works, from the very byte that failed, so a
  disk that gets free again shows no torn line.
* What does not fit any more is dropped and counted; the first thing written
  afterwards, behind what was held, is a line that says how many were lost.
* At the end everything held is written, if that takes no longer than a second.

Before `start` and after an orderly `stop`, a line is written by who puts it, or
is gone: commands that run for a moment need no thread.
"""

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from typing import Final, TextIO

MAX_HELD_CHARS: Final = 4 * 1024 * 1024  # some 40,000 lines; twice that in all
# PIPE_BUF of Linux: written whole or not at all. To a file everything is.
PIPE_PIECE_BYTES: Final = 4096
FILE_PIECE_BYTES: Final = 64 * 1024
GATHER_S: Final = 0.01  # between writes: a hundred wake-ups a second at most
AGAIN_S: Final = 0.1  # after a failure
FLUSH_S: Final = 1.0  # at the end


class Writer:
    """Writes lines to one stream. `lost_line(n)` words the loss of n lines."""

    def __init__(self, stream: TextIO, lost_line: Callable[[int], str]) -> None:
        self.lost = 0  # lines in all, for who watches the server
        self._stream = stream
        self._descriptor = _descriptor(stream)
        self._piece_bytes = _piece_bytes(self._descriptor)
        self._lost_line = lost_line
        self._lock = threading.Lock()  # guards the next three, and is never long held
        self._held: list[str] = []
        self._held_chars = 0
        self._untold = 0
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on nobody waits for the stream."""
        # A daemon: a write that never returns must not keep the process.
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        thread.start()
        self._thread = thread

    def stop(self, wait_s: float = FLUSH_S) -> None:
        """Write what is held, as far as that goes within `wait_s`."""
        thread = self._thread
        if thread is None:
            return
        self._stopping.set()
        self._due.set()
        thread.join(wait_s)
        if not thread.is_alive():  # else a write hangs, and the next one would too
            self._thread = None
            self._stopping.clear()

    def put(self, text: str) -> None:
        """Write `text`, one or several whole lines."""
        self._hold(text)
        if self._thread is None:
            for piece in self._take():
                with contextlib.suppress(OSError, ValueError):
                    self._write_all(piece)
        elif not self._due.is_set():
            self._due.set()

    def _hold(self, text: str) -> None:
        with self._lock:
            if self._held_chars + len(text) <= MAX_HELD_CHARS:
                self._held.append(text)
                self._held_chars += len(text)
            else:
                lines = text.count("\n")
                self._untold += lines
                self.lost += lines

    def _take(self) -> Iterator[bytes]:
        """Take what is held, as pieces that can be written one by one."""
        with self._lock:
            texts, self._held, self._held_chars = self._held, [], 0
            untold, self._untold = self._untold, 0
        if untold:
            texts.append(self._lost_line(untold))
        piece = b""
        for text in texts:
            data = text.encode("utf-8", "backslashreplace")
            if len(piece) + len(data) > self._piece_bytes:
                yield from self._cut(piece)
                piece = b""
            piece += data
        yield from self._cut(piece)

    def _cut(self, data: bytes) -> Iterator[bytes]:
        """Cut what is longer than a piece where a line ends."""
        start = 0
        while start < len(data):
            end = len(data)
            if end - start > self._piece_bytes:
                limit = start + self._piece_bytes
                end = data.rfind(b"\n", start, limit) + 1 or data.find(b"\n", limit) + 1
            yield data[start:end]
            start = end

    def _run(self) -> None:
        """Be the thread, until stopped and all is written, or cannot be."""
        while self._held or not self._stopping.is_set():
            self._due.wait()
            self._due.clear()
            for piece in self._take():
                if not self._deliver(piece):
                    return
            self._stopping.wait(GATHER_S)

    def _deliver(self, piece: bytes) -> bool:
        """Write a piece however long it takes; False: stopped, and in vain."""
        while piece:
            try:
                piece = piece[self._write(piece) :]
            except (OSError, ValueError):  # the latter: the stream was closed
                if self._stopping.wait(AGAIN_S):
                    return False
        return True

    def _write_all(self, piece: bytes) -> None:
        while piece:
            piece = piece[self._write(piece) :]

    def _write(self, piece: bytes) -> int:
        """Write some of it, at least a byte, and return how much."""
        if self._descriptor is not None:
            # Not through the stream: its buffer would keep what failed, and a
            # later line would bring it along, or half of it.
            return os.write(self._descriptor, piece)
        self._stream.write(piece.decode())
        self._stream.flush()
        return len(piece)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, AttributeError):  # made of memory, or not even a file
        return None


def _piece_bytes(descriptor: int | None) -> int:
    if descriptor is None or stat.S_ISREG(os.fstat(descriptor).st_mode):
        return FILE_PIECE_BYTES
    return PIPE_PIECE_BYTES
