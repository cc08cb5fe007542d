"""A database file that cannot be locked is not used."""

import errno
import fcntl
import os
import sys

import pytest

from authserver.store import lockfile
from authserver.store.database import DatabaseError


def test_lock_ends_with_its_descriptor(tmp_path):
    os.close(lockfile.acquire(tmp_path / "a.db"))

    os.close(lockfile.acquire(tmp_path / "a.db"))


def test_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)

    with pytest.raises(DatabaseError, match="cannot be locked: No locks available"):
        lockfile.acquire(tmp_path / "a.db")


def test_system_without_flock_is_refused_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)

    with pytest.raises(DatabaseError, match="needs Linux, macOS"):
        lockfile.acquire(tmp_path / "a.db")
