"""The command line: what all commands share."""

import contextlib
import errno
import gc
import os
import subprocess
import sys

import pytest

from authserver import cli, tokens
from authserver.store import audit_log
from authserver.store.audit_log import Entry
from authserver.store.database import open_database
from tests.processes import SERVER, environment
from tests.store.rows import NOW

SECRET = "0123456789abcdef" * 4
AGENT = "Mozilla \u00e9\u20ac"
COMMANDS = (
    ("--help",),
    ("--version",),
    ("audit",),
    ("doctor",),
    ("migrate",),
    ("users", "import", "people.jsonl"),
    ("users", "import", "--help"),
)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with an audit log of one line, and users to import."""
    url = f"sqlite:///{tmp_path}/authserver.db"
    with contextlib.closing(open_database(url, now=NOW)) as database:
        entry = Entry(tokens.new_id(NOW), NOW, "login", "ok", None, None, "", "", "")
        database.transaction(lambda tx: audit_log.insert(tx, entry))
    (tmp_path / "people.jsonl").write_text("[]\n")
    return tmp_path


@pytest.fixture
def run(folder):
    """Return what runs a command with streams of your choice."""

    def run(arguments, encoding="utf-8", **streams):
        return subprocess.run(
            (sys.executable, SERVER, *arguments),
            cwd=folder,
            env=environment({"SECRET_KEY": SECRET, "PYTHONIOENCODING": encoding}),
            check=False,
            **streams,
        )

    return run


@pytest.fixture
def nobody():
    """Return the end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_reader_that_has_enough_ends_a_command_without_complaint(
    run, nobody, arguments
):
    done = run(arguments, stdout=nobody, stderr=subprocess.PIPE)

    assert done.returncode == cli.NOBODY_READS
    assert b"Error" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_reader_of_both_streams_that_has_enough_ends_a_command(run, nobody, arguments):
    done = run(arguments, stdout=nobody, stderr=nobody)

    assert done.returncode == cli.NOBODY_READS


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_command_runs_with_output_closed_from_the_start(run, arguments):
    shown = run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    closed = run(arguments, preexec_fn=lambda: os.closerange(1, 3))

    assert closed.returncode == shown.returncode


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_full_disk_ends_a_command_with_a_sentence(run, arguments):
    with open("/dev/full", "wb") as full:
        done = run(arguments, stdout=full, stderr=subprocess.PIPE)

    told = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert told[-1] == (
        "authserver: the output cannot be written: No space left on device."
    )
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_full_disk_for_both_streams_ends_a_command(run, arguments):
    with open("/dev/full", "wb") as full:
        done = run(arguments, stdout=full, stderr=full)

    assert done.returncode == 1


def test_terminal_without_a_character_gets_it_escaped(run, folder):
    url = f"sqlite:///{folder}/authserver.db"
    with contextlib.closing(open_database(url, now=NOW)) as database:
        entry = Entry(tokens.new_id(NOW), NOW, "login", "ok", None, None, "", AGENT, "")
        database.transaction(lambda tx: audit_log.insert(tx, entry))

    done = run(["audit"], capture_output=True, encoding="ascii")

    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"Mozilla \xe9\u20ac" in done.stdout


def test_trouble_that_is_not_about_output_is_not_hidden(monkeypatch):
    def run():
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(cli, "_command", lambda _arguments: run)

    with pytest.raises(OSError, match="Input/output error"):
        cli.main(["audit"])


def test_other_commands_collect_their_garbage(capsys):
    gc.disable()  # as server.py does
    try:
        with pytest.raises(SystemExit):
            cli.main(["--help"])
        collected = gc.isenabled()
    finally:
        gc.enable()

    assert collected
    assert "doctor" in capsys.readouterr().out
