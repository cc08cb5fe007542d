"""Chromium without a window, for what only a browser can tell."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
PATIENCE_S = 60  # it starts slowly on a busy machine

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@contextmanager
def browsing(folder: Path, url: str) -> Iterator[None]:
    """Keep a page open."""
    command = [*_command(folder), "--remote-debugging-port=0", url]
    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def rendered(folder: Path, url: str) -> tuple[str, str]:
    """Return a page's elements once its scripts rest, and the console."""
    done = subprocess.run(
        [
            *_command(folder),
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if ":CONSOLE:" in line]
    return done.stdout, "\n".join(console)


def _command(folder: Path) -> list[str]:
    return [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}"]
