"""The servers that tests store in: a private MariaDB, and MySQL if named.

MariaDB is Debian's package: a data folder and a server of our own for each run
of pytest, on a free port of this machine, ended with the run. Its defaults are
made as unlike ours as it allows (no strict mode, a foreign time zone, the short
UTF-8), so that what the engine does not set itself shows.

`TEST_MYSQL_URL=mysql://test:test@127.0.0.1:3306/test` adds a MySQL server that
is up already; its user must be allowed to create databases named `test_...`.

Each run of pytest has one database on each server. Before a test uses it, the
tables are emptied, but only those that the last test left anything in.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mysql.connector
import pytest

from tests.ports import free_port
from tests.processes import wait_until

MYSQL_URL = os.environ.get("TEST_MYSQL_URL", "")
MARIADBD = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
HAVE_MARIADB = MARIADBD is not None and shutil.which("mariadb-install-db") is not None
ON_SERVERS = [
    *(["mariadb"] if HAVE_MARIADB else []),
    *(["mysql"] if MYSQL_URL else []),
]
ENGINES = ["sqlite", *ON_SERVERS]
# For a module of tests that use an app: pytestmark = databases.ON_EVERY_ENGINE
ON_EVERY_ENGINE = pytest.mark.parametrize("engine", ENGINES)
NAME = f"test_{os.getpid()}"
KEPT = ("schema_migrations",)  # what an emptied database still has


class MariaDB:
    """A server of our own, to be stopped, started again, and wiped."""

    def __init__(self, *options: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="authserver-mariadb-"))
        self.port = free_port()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        # As root it refuses to run, so it gets a user and that user's folder.
        self._as_user = []
        if os.getuid() == 0:
            user = pwd.getpwnam("nobody")
            self._as_user = ["--user=nobody"]
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.folder}/data",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--force",  # also where nothing knows the name localhost
                *self._as_user,
            ],
            check=True,
            capture_output=True,
        )

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def start(self) -> "MariaDB":
        """Start it and return once it answers."""
        assert MARIADBD
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    MARIADBD,
                    "--no-defaults",
                    f"--datadir={self.folder}/data",
                    f"--socket={self.socket}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                    "--sql-mode=",
                    "--character-set-server=utf8mb3",
                    "--default-time-zone=+05:45",
                    # No power cut is part of these tests.
                    "--innodb-flush-log-at-trx-commit=0",
                    "--innodb-buffer-pool-size=32M",
                    *self._as_user,
                    *self.options,
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, f"MariaDB, see {self.folder}/log")
        return self

    def stop(self) -> None:
        """End it in order."""
        assert self.process
        self.process.terminate()
        self.process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def wipe(self) -> None:
        if self.process:
            self.kill()
        shutil.rmtree(self.folder)

    def connect(self) -> Any:
        """Return a connection as root."""
        return mysql.connector.connect(
            unix_socket=str(self.socket), user="root", autocommit=True
        )

    def run(self, *statements: str) -> None:
        """Run statements as root."""
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)

    def make_user(self) -> "MariaDB":
        """Let `test` in, with the password `test`."""
        self.run(
            "CREATE USER test@'127.0.0.1' IDENTIFIED BY 'test'",
            "CREATE USER test@localhost IDENTIFIED BY 'test'",
            "GRANT ALL ON *.* TO test@'127.0.0.1'",
            "GRANT ALL ON *.* TO test@localhost",
        )
        return self

    def url(self, name: str) -> str:
        return f"mysql://test:test@127.0.0.1:{self.port}/{name}"

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(mysql.connector.Error):
            self.connect().close()
            return True
        return False


class Emptied:
    """A database on a server, empty whenever a test asks for its URL."""

    def __init__(self, url: str) -> None:
        """Make the database; `url` names another one on the same server."""
        self.url = f"{url.rpartition('/')[0]}/{NAME}"
        self._connection = connect(url)
        self._cursor = self._connection.cursor(buffered=True)
        self._cursor.execute(f"CREATE DATABASE {NAME}")
        self._cursor.execute(f"USE {NAME}")
        self._cursor.execute("SET foreign_key_checks = 0")
        self._tables: list[str] = []

    def empty(self) -> str:
        """Empty all tables and return the URL."""
        if not self._tables:
            self._cursor.execute("SHOW TABLES")
            names = [each for (each,) in self._cursor.fetchall()]
            self._tables = [name for name in names if name not in KEPT]
        filled = " UNION ALL ".join(
            f"SELECT '{name}' FROM DUAL WHERE EXISTS (SELECT 1 FROM {name})"
            for name in self._tables
        )
        self._cursor.execute(filled or "SELECT 1 FROM DUAL WHERE 1 = 0")
        for (name,) in self._cursor.fetchall():
            self._cursor.execute(f"DELETE FROM {name}")
        if self._tables:  # a copy that a test broke off leaves a mark
            mark = "DELETE FROM schema_migrations WHERE name = 'copying'"
            self._cursor.execute(mark)
        return self.url

    def drop(self) -> None:
        self._cursor.execute(f"DROP DATABASE {NAME}")
        self._connection.close()


class Servers:
    """The servers of this run, each started when a test first needs it."""

    def __init__(self, undo: contextlib.ExitStack) -> None:
        self._undo = undo
        self._databases: dict[str, Emptied] = {}
        self._mariadb: MariaDB | None = None

    @property
    def mariadb(self) -> MariaDB:
        """The MariaDB that tests share."""
        if self._mariadb is None:
            self._mariadb = MariaDB()
            self._undo.callback(self._mariadb.wipe)
            self._mariadb.start().make_user()
        return self._mariadb

    def url(self, engine: str) -> str:
        """Return the URL of an empty database on `engine`."""
        if engine not in self._databases:
            url = MYSQL_URL if engine == "mysql" else self.mariadb.url("mysql")
            self._databases[engine] = Emptied(url)
            self._undo.callback(self._databases[engine].drop)
        return self._databases[engine].empty()


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Yield the servers; end at the end what was started."""
    with contextlib.ExitStack() as undo:
        yield Servers(undo)


def connect(url: str) -> Any:
    """Return a connection of the driver's to the database of a URL."""
    login, _, server = url.removeprefix("mysql://").rpartition("@")
    user, _, password = login.partition(":")
    host, _, port = server.partition("/")[0].partition(":")
    return mysql.connector.connect(
        host=host,
        port=int(port),
        user=user,
        password=password,
        database=url.rpartition("/")[2],
        autocommit=True,
    )
