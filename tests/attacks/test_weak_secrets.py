"""Weak secrets: a server that starts with a key everybody knows.

Servers shipped with a built-in key or took an empty one, and whoever read their
source could sign tokens (CasaOS CVE-2023-37266, Dpanel CVE-2025-30206). Ours
does not start, and says in one sentence which variable is at fault.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from authserver import runtime
from authserver.keys import KeyFileError
from authserver.settings import SettingsError

ROOT = Path(__file__).parents[2]
GOOD = b"ZDkYCk3F0Ep2wVsSQ8n1mTqJrXh7uLbA"


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ((b"",), "blank"),
        ((b" " * 40,), "blank"),
        ((b"secret",), "shorter than 32"),
        ((GOOD[:31],), "shorter than 32"),
        ((b"change-me-to-at-least-32-random-bytes",), "example"),
        ((b"Change-Me-" * 8,), "example"),
        ((b"a" * 64,), "repeated"),
        ((GOOD, b""), "blank"),
        ((GOOD, b"old"), "shorter than 32"),
    ],
)
def test_weak_key_stops_the_start(make_app, secret, reason):
    with pytest.raises(SettingsError, match=f"SECRET_KEY.*{reason}") as stopped:
        make_app(secret_key=secret)

    assert GOOD.decode() not in str(stopped.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_key_file_that_others_may_read_stops_the_start(make_settings, tmp_path, mode):
    settings = make_settings(secret_key=())
    runtime.close(runtime.create_app(settings))
    key_file = tmp_path / "accounts.key"
    key_file.chmod(mode)

    with pytest.raises(KeyFileError, match="chmod 600"):
        runtime.create_app(settings)


def test_own_key_is_random_and_for_its_owner_only(make_settings, tmp_path):
    for name in ("one", "two"):
        url = f"sqlite:///{tmp_path / name}.db"
        runtime.close(
            runtime.create_app(make_settings(secret_key=(), database_url=url))
        )

    one, two = tmp_path / "one.key", tmp_path / "two.key"
    assert one.read_bytes() != two.read_bytes()
    assert {one.stat().st_mode & 0o777, two.stat().st_mode & 0o777} == {0o600}


def test_lost_key_of_an_old_database_is_not_silently_made_anew(make_settings, tmp_path):
    settings = make_settings(secret_key=())
    runtime.close(runtime.create_app(settings))
    (tmp_path / "accounts.key").unlink()

    with pytest.raises(KeyFileError, match="missing"):
        runtime.create_app(settings)


@pytest.mark.parametrize("secret", ["", "hunter2-hunter2", "x" * 40])
def test_process_ends_with_one_sentence_that_does_not_repeat_the_key(tmp_path, secret):
    ended = subprocess.run(
        [sys.executable, str(ROOT / "server.py")],
        env={"PATH": os.environ["PATH"], "SECRET_KEY": secret},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("authserver: SECRET_KEY ")
    assert ended.stderr.count("\n") == 1
    assert not secret or secret not in ended.stderr + ended.stdout
    assert list(tmp_path.iterdir()) == []
