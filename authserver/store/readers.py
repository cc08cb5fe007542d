"""Connections that read, beside the one that writes.

    read        BEGIN, statements, ROLLBACK     one moment for all of them
    read_once   one statement                   one moment anyway
    in rounds   what was read, while it is true

A reader is opened when none is free, so nobody waits for one, and a few are
kept. The last one used comes first: a quiet server keeps a single one busy.

A thread that serves many in rounds -- the loop of the HTTP core -- asks for the
same rows again and again: the session of a client who sends one request after
another. What it has read stays true until somebody commits, and SQLite tells a
connection whether anybody has (PRAGMA data_version), be it our writer or an
operator's shell. So once in a round it is asked, and rows are read again only
if something changed.

That is as good as reading anew each time. What a client has been told was
committed before the round in which it asks, as long as nobody is told anything
within a round: who calls `end_round` promises to do that before answering.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Protocol, TypeVar, cast

from authserver import errors
from authserver.store.database import Transaction

MAX_REMEMBERED: Final = 1_000  # rows; forgotten all at once when there are more
MAX_KEPT: Final = 8  # more are rarely reading at the same moment
CLOSING_LOOK_S: Final = 0.01

T = TypeVar("T")


class Reader(Transaction, Protocol):
    """A connection for reading; any failure of the machine is `Unavailable`."""

    failure: errors.Unavailable | None  # the first one; the connection is lost

    def version(self) -> int:
        """Return a number that changes when another connection commits."""
        ...

    def begin_snapshot(self) -> None:
        """Let all that is read until `end_snapshot` be of one moment."""
        ...

    def end_snapshot(self) -> None:
        """End what `begin_snapshot` began, unless the connection failed."""
        ...

    def close(self) -> None:
        """Roll back what is open and let go of the file."""
        ...


class _Own(threading.local):
    """What a thread that reads in rounds keeps from one to the next."""

    def __init__(self) -> None:
        self.in_rounds = False  # it calls `end_round`
        self.reader: Reader | None = None
        self.current = False  # whether the version was asked for in this round
        # Of the database, when what follows was read.
        self.version: int | None = None
        self.remembered: dict[Hashable, object] = {}


class Readers:
    """Opens readers by `connect` and lends them; safe from any thread."""

    def __init__(self, connect: Callable[[], Reader]) -> None:
        self._connect = connect
        self._closed = False
        self._own = _Own()
        # Lists and sets are changed by single steps of the interpreter, so they
        # need no lock. Who takes adds to `_lent` before looking at `_closed`,
        # who closes sets that before looking at `_lent`: one sees the other.
        self._free: list[Reader] = []
        self._lent: set[Reader] = set()
        self._owned: list[Reader] = []  # by threads that read in rounds

    def read(self, call: Callable[[Reader], T]) -> T:
        """Return what `call` reads from one moment of the database."""

        def on_snapshot(reader: Reader) -> T:
            reader.begin_snapshot()
            try:
                return call(reader)
            finally:
                reader.end_snapshot()

        return self._on_reader(on_snapshot)

    def known(self, key: Hashable) -> object | None:
        """Return what `read_once` has read for `key`, if it is still true."""
        own = self._own
        return own.remembered.get(key) if own.current and not self._closed else None

    def read_once(self, call: Callable[[Reader], T], key: Hashable) -> T:
        """Return what `call`, known by `key`, reads with a single statement."""
        own = self._own
        if not own.in_rounds or self._closed:
            return self._on_reader(call)
        if not own.current:
            self._begin_round(own)
        found = own.remembered.get(key)
        if found is None:  # nothing is never remembered: strangers ask for it
            found = call(self._reader_of(own))
            if found is not None:
                if len(own.remembered) >= MAX_REMEMBERED:
                    own.remembered.clear()
                own.remembered[key] = found
        return cast(T, found)

    def end_round(self) -> None:
        """Have what this thread reads from here on be of now."""
        own = self._own
        own.in_rounds = True
        own.current = False

    def _begin_round(self, own: _Own) -> None:
        version = self._reader_of(own).version()
        if version != own.version:
            own.remembered.clear()
            own.version = version
        own.current = True

    def _reader_of(self, own: _Own) -> Reader:
        reader = own.reader
        if reader is None or reader.failure is not None:
            if reader is not None:
                self._owned.remove(reader)
                reader.close()
            own.reader = reader = self._take()
            self._lent.discard(reader)  # it is this thread's from now on
            self._owned.append(reader)
            # Versions of two connections have nothing to do with each other.
            own.version = None
            own.current = False
        return reader

    def close(self, wait_s: float) -> None:
        """Lend no more, and close all; those lent are waited for a while.

        Nobody may read in rounds any more.
        """
        self._closed = True
        # Not for ever: an interrupt (Ctrl-C) that falls between taking a reader
        # and giving it back leaves it lent for good.
        end = time.monotonic() + wait_s
        while self._lent and time.monotonic() < end:
            time.sleep(CLOSING_LOOK_S)
        for reader in (*self._free, *self._owned):
            reader.close()
        self._free.clear()

    def _on_reader(self, call: Callable[[Reader], T]) -> T:
        reader = self._take()
        try:
            return call(reader)
        finally:
            self._give_back(reader)

    def _take(self) -> Reader:
        if self._closed:
            raise errors.Unavailable("the database is closed")
        try:
            reader = self._free.pop()
        except IndexError:
            reader = self._connect()
        self._lent.add(reader)
        if self._closed:  # since we looked, and who closes may not have seen it
            self._give_back(reader)
            raise errors.Unavailable("the database is closed")
        return reader

    def _give_back(self, reader: Reader) -> None:
        enough = len(self._free) >= MAX_KEPT
        if reader.failure is not None or enough or self._closed:
            reader.close()
        else:
            self._free.append(reader)
        self._lent.discard(reader)
