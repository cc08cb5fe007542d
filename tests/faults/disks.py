"""Small disks, which can be filled and freed while a server writes to them.

Two ways to fail: a small disk of its own (tmpfs, which root may mount), filled
up for real; and a limit on the size of files. Who may not mount gets the second
way twice.
"""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.processes import ServerProcess

MIB = 1024 * 1024


class SmallDisk:
    """A disk that can be filled and freed while a server writes to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, server: ServerProcess) -> None:
        with (
            open(self._ballast, "wb", buffering=0) as file,
            contextlib.suppress(OSError),
        ):
            while file.write(b"x" * 4096):
                pass

    def free(self, server: ServerProcess) -> None:
        self._ballast.unlink()


class SmallFiles:
    """The same for those who may not mount: no file may grow any more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: ServerProcess) -> None:
        assert server.process
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        limits = (64 * 1024, hard)  # the database is larger already
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)

    def free(self, server: ServerProcess) -> None:
        assert server.process
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


def _mounted(folder: Path, size_bytes: int) -> bool:
    command = ("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", folder)
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


Disk = SmallDisk | SmallFiles


@contextlib.contextmanager
def small_disk(folder: Path, kind: str, *, size_bytes: int = 8 * MIB) -> Iterator[Disk]:
    """Make a disk of an empty folder; `kind` is disk or files."""
    if kind == "files" or os.geteuid() != 0 or not _mounted(folder, size_bytes):
        yield SmallFiles(folder)
    else:
        yield SmallDisk(folder)
        subprocess.run(("umount", folder), check=True)
