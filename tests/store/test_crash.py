"""What was acknowledged before kill -9 is there afterwards (THREATS row R1)."""

import subprocess
import sys
from pathlib import Path

import pytest

from authserver.store import sqlite

NOW = 1_700_000_000
# Four threads, so that the kill meets groups of several callers.
WRITER = """
import os, sys, threading
from authserver.store import sqlite

database = sqlite.open_file(sys.argv[1], now=0)

def insert(tx, name):
    tx.execute("INSERT INTO limits VALUES (?, 1, 0, 0, 0)", (name,))

def write(thread):
    for number in range(100_000):
        name = f"{thread}-{number}"
        database.transaction(insert, name)
        os.write(1, (name + chr(10)).encode())

for thread in range(4):
    threading.Thread(target=write, args=(thread,)).start()
"""


@pytest.mark.parametrize("count", [1, 50, 400])
def test_acknowledged_writes_outlive_the_process(tmp_path, count):
    path = tmp_path / "accounts.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as writer:
        acknowledged = [writer.stdout.readline() for _ in range(count)]
        writer.kill()
        acknowledged += writer.stdout.readlines()

    database = sqlite.open_file(path, now=NOW)
    rows = database.read(lambda tx: tx.all("SELECT name FROM limits"))
    verdict = database.read(lambda tx: tx.one("PRAGMA integrity_check"))
    database.close()

    assert {line.strip() for line in acknowledged} <= {name for (name,) in rows}
    assert verdict == ("ok",)
