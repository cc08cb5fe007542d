"""A doctor to call, and databases for it to look at."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from authserver import runtime
from authserver.settings import Settings
from authserver.store import one_time_codes
from authserver.store.one_time_codes import OneTimeCode
from tests.processes import run

LINE = re.compile(r"(ok|warn|FAIL) +([a-z0-9-]+(?: [a-z]+)*)  +(.*)")


class Report(NamedTuple):
    """What a doctor said."""

    status: int
    text: str

    def of(self, name: str) -> list[tuple[str, str]]:
        """Return state and words of each line of one check."""
        lines = (LINE.fullmatch(line) for line in self.text.splitlines())
        return [(m[1], m[3]) for m in lines if m and m[2] == name]


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., Report]:
    """Return what calls the doctor to a folder, by default an empty one."""

    def call(folder: Path = tmp_path, **settings: str) -> Report:
        ended = run(folder, "doctor", **settings)
        assert ended.stderr == ""
        return Report(ended.returncode, ended.stdout)

    return call


@pytest.fixture
def make_database(tmp_path: Path) -> Callable[..., Path]:
    """Return what makes a database, with a live code if a key is named."""

    def make(secret_key: str = "") -> Path:
        file = tmp_path / "authserver.db"
        keys = {"secret_key": secret_key} if secret_key else {}
        app = runtime.create_app(Settings(database_url=f"sqlite:///{file}", **keys))
        later = int(time.time()) + 600
        code = OneTimeCode(
            id=os.urandom(16).hex(),
            purpose="verify",
            subject_id=os.urandom(16).hex(),
            contact="alice@example.org",
            channel="email",
            kid=app.keyring.current,
            created_at=later - 600,
            expires_at=later,
            attempts_left=5,
        )
        app.database.transaction(one_time_codes.insert, code)
        runtime.close(app)
        return file

    return make
