"""Putting an app together and taking it apart: keys, hashers, purging."""

import hashlib
import logging
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from authserver import errors, keys, runtime
from authserver.flows import figures
from authserver.settings import Settings, SettingsError
from authserver.store.database import DatabaseError, Transaction
from tests.processes import wait_until

ROOT = Path(__file__).parents[1]
SECRET = bytes(range(32))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(port=0, database_url=f"sqlite:///{tmp_path / 'accounts.db'}")


def with_other(settings: Settings, **changes: Any) -> Settings:
    return Settings(port=0, database_url=settings.database_url, **changes)


def database_of(settings: Settings) -> str:
    return settings.database_url.removeprefix("sqlite:///")


def insert_expired(tx: Transaction) -> None:
    tx.execute(
        """
        INSERT INTO registrations (id, username, password_hash, address,
                                   created_at, expires_at)
        VALUES ('1', 'alice', 'x', '192.0.2.1', 1, 2)
        """
    )


def count_registrations(tx: Transaction) -> int:
    return len(tx.all("SELECT id FROM registrations"))


# -- the key


def test_new_database_gets_a_key_beside_it(settings, tmp_path):
    runtime.close(runtime.create_app(settings))

    key = tmp_path / "accounts.key"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text().strip()) == 43


def test_next_start_uses_the_same_key(settings):
    first = runtime.create_app(settings)
    runtime.close(first)

    second = runtime.create_app(settings)

    assert second.keyring.current == first.keyring.current
    runtime.close(second)


def test_secret_key_of_the_settings_makes_no_file(settings, tmp_path):
    runtime.close(runtime.create_app(with_other(settings, secret_key=(SECRET,))))

    assert not (tmp_path / "accounts.key").exists()


def test_old_secret_stays_in_the_ring(settings):
    old, new = SECRET, SECRET[::-1]
    app = runtime.create_app(with_other(settings, secret_key=(new, old)))

    kids = app.keyring.derived("anything").keys()

    assert list(kids) == [keys.Keyring([new]).current, keys.Keyring([old]).current]
    runtime.close(app)


def test_database_without_its_key_is_not_given_another(settings, tmp_path):
    runtime.close(runtime.create_app(settings))
    (tmp_path / "accounts.key").unlink()

    with pytest.raises(keys.KeyFileError, match="is missing"):
        runtime.create_app(settings)

    assert not (tmp_path / "accounts.key").exists()


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (b"", "is blank"),
        (b"x" * 31, "shorter than 32 bytes"),
        (b"x" * 32, "one character repeated"),
        (b"change-me-to-at-least-32-random-bytes", "the example value"),
    ],
)
def test_weak_secret_anywhere_in_the_list_stops_the_start(settings, secret, reason):
    with pytest.raises(SettingsError, match=f"^SECRET_KEY .*{reason}"):
        runtime.create_app(with_other(settings, secret_key=(SECRET, secret)))


# -- the database


def test_unknown_database_is_refused_before_a_key_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatabaseError, match="DATABASE_URL must be"):
        runtime.create_app(Settings(database_url="postgresql://me:hush@db/accounts"))

    assert os.listdir(tmp_path) == []


def test_no_key_is_made_for_a_database_on_a_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SettingsError, match=r"^SECRET_KEY is missing: with MySQL"):
        runtime.create_app(Settings(database_url="mysql://me:hush@db/accounts"))

    assert os.listdir(tmp_path) == []


def test_mysql_is_loaded_for_no_other_database(settings):
    program = (
        "import sys, authserver\n"
        "settings = authserver.Settings(database_url=sys.argv[1])\n"
        "authserver.create_app(settings)\n"
        "sys.exit('mysql' in sys.modules)"
    )
    command = [sys.executable, "-c", program, settings.database_url]

    assert subprocess.run(command, cwd=ROOT).returncode == 0


LOADED = """
import sys, time
from authserver import create_app, serve, Settings
def loaded():
    names = ("authserver.flows.login", "authserver.delivery.worker")
    return [name in sys.modules for name in names]
app = create_app(Settings(database_url=sys.argv[1], port=0))
print(loaded())
running = serve(app)
for _ in range(1000):
    if all(loaded()):
        break
    time.sleep(0.01)
print(loaded())
running.stop()
"""


def test_a_server_listens_first_and_then_loads_the_rest(settings):
    command = [sys.executable, "-c", LOADED, settings.database_url]
    told = subprocess.check_output(command, cwd=ROOT, text=True)

    assert told.splitlines() == ["[False, False]", "[True, True]"]


def test_a_part_that_cannot_be_loaded_is_told(settings, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "authserver.delivery.worker", None)
    running = runtime.serve(runtime.create_app(settings))

    wait_until(lambda: "not all could be loaded" in caplog.text, "a line in the log")

    running.stop()


def test_missing_folder_is_named(tmp_path):
    url = f"sqlite:///{tmp_path}/missing/accounts.db"

    with pytest.raises(
        SettingsError, match=r"^DATABASE_URL names the folder .*missing"
    ):
        runtime.create_app(Settings(database_url=url))


def test_second_app_on_one_database_is_refused(settings):
    app = runtime.create_app(settings)

    with pytest.raises(DatabaseError, match="Another authserver process uses"):
        runtime.create_app(settings)

    runtime.close(app)


# -- the hasher


def test_scrypt_stands_in_for_a_missing_bcrypt(settings, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "bcrypt", None)  # as if not installed

    with caplog.at_level(logging.WARNING, "authserver"):
        app = runtime.create_app(settings)

    assert app.hasher.hash("correct horse battery").startswith("$hmac-sha256$scrypt$")
    assert "bcrypt is not installed" in caplog.text
    runtime.close(app)


def test_argon2_that_is_not_installed_stops_the_start(settings, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "argon2", None)  # as if not installed

    with pytest.raises(
        SettingsError,
        match=r"^PASSWORD_HASHER is argon2, .*: pip install argon2-cffi\.$",
    ):
        runtime.create_app(
            with_other(settings, password_hasher="argon2", secret_key=())
        )

    assert list(tmp_path.iterdir()) == []  # no key either


def test_bad_template_is_refused_before_a_key_is_made(settings, tmp_path):
    templates = str(tmp_path / "nowhere")

    with pytest.raises(SettingsError, match=r"^TEMPLATES_DIR names "):
        runtime.create_app(with_other(settings, templates_dir=templates, secret_key=()))

    assert list(tmp_path.iterdir()) == []


def test_argon2_is_used_where_it_is_asked_for(settings):
    app = runtime.create_app(with_other(settings, password_hasher="argon2"))

    assert app.hasher.hash("correct horse battery").startswith("$argon2id$")
    runtime.close(app)


def test_many_cores_hash_no_more_at_once_than_an_account_has_tries(
    settings, monkeypatch
):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    app = runtime.create_app(settings)
    gate = threading.Event()
    callers = [
        threading.Thread(target=app.hashing.submit, args=(str(number), gate.wait))
        for number in range(12)
    ]

    for caller in callers:
        caller.start()
    wait_until(lambda: app.hashing.waiting == 4, "eight jobs to begin")
    gate.set()

    for caller in callers:
        caller.join()
    runtime.close(app)


def test_refused_hasher_leaves_the_database_unlocked(settings, monkeypatch):
    monkeypatch.delattr(hashlib, "scrypt")  # as where OpenSSL lacks it
    with pytest.raises(
        SettingsError, match=r"^PASSWORD_HASHER is scrypt, but this Python was built"
    ):
        runtime.create_app(with_other(settings, password_hasher="scrypt"))
    monkeypatch.undo()

    runtime.close(runtime.create_app(settings))


# -- serving


def test_url_of_an_ipv6_address_has_brackets(settings):
    running = runtime.serve(runtime.create_app(with_other(settings, host="::1")))

    assert running.url.startswith("http://[::1]:")

    running.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "host.invalid"])
def test_address_that_cannot_be_opened_is_named(host, settings):
    app = runtime.create_app(with_other(settings, host=host))

    with pytest.raises(SettingsError, match=f"PORT 0 on HOST {host} cannot be opened"):
        runtime.serve(app)

    runtime.close(app)


def test_purging_goes_on_after_a_failure(settings, monkeypatch, caplog):
    monkeypatch.setattr(runtime, "PURGE_EVERY_S", 0.01)
    app = runtime.create_app(settings)
    app.database.transaction(insert_expired)
    stranger = sqlite3.connect(database_of(settings))
    stranger.execute("BEGIN EXCLUSIVE")
    running = runtime.serve(app)

    wait_until(lambda: "purging failed" in caplog.text, "a failed round")
    stranger.close()

    wait_until(lambda: app.database.read(count_registrations) == 0, "a clean table")
    running.stop()


def test_delivery_begins_once_the_system_has_a_thread_for_it(
    settings, monkeypatch, caplog
):
    monkeypatch.setattr(runtime, "START_AGAIN_S", 0.01)
    start, failures = threading.Thread.start, [1, 2]

    def start_later(thread):
        if thread.name == "delivery" and failures:
            failures.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    running = runtime.serve(runtime.create_app(settings))

    def delivers():
        return any(each.name == "delivery" for each in threading.enumerate())

    wait_until(delivers, "the delivery")
    running.stop()
    assert not failures
    assert caplog.text.count("nothing can be delivered yet") == 2


def test_stop_needs_no_thread_that_the_system_has_not(settings, monkeypatch):
    app = runtime.create_app(settings)
    running = runtime.serve(app)

    def start(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    running.stop()

    with pytest.raises(errors.Unavailable, match="closed"):
        app.database.read(lambda tx: tx.one("SELECT 1"))


def test_stop_refuses_what_comes_afterwards(settings):
    app = runtime.create_app(settings)
    running = runtime.serve(app)

    running.stop()

    with pytest.raises(errors.Unavailable, match="closed"):
        app.database.read(lambda tx: tx.one("SELECT 1"))
    with pytest.raises(errors.Unavailable, match="closed"):
        app.hashing.submit("192.0.2.1", os.getpid)
    connection = sqlite3.connect(database_of(settings), timeout=0)
    connection.execute("BEGIN EXCLUSIVE")  # nobody else holds it
    connection.close()


# -- what can be watched


def test_open_connections_are_among_the_figures(settings):
    app = runtime.create_app(settings)
    running = runtime.serve(app)
    port = int(running.url.rpartition(":")[2])

    def idle():
        [found] = [
            family.values
            for family in figures.gather(app)
            if family.declared.name == "authserver_connections"
        ]
        return found[("idle",)]

    with socket.create_connection(("127.0.0.1", port)):
        wait_until(lambda: idle() == 1, "a connection")
    wait_until(lambda: idle() == 0, "no connection")
    running.stop()


def test_requests_up_to_the_stop_are_counted(settings):
    app = runtime.create_app(settings)
    running = runtime.serve(app)
    for _ in range(3):
        with urllib.request.urlopen(f"{running.url}/healthz") as answer:
            answer.read()
    running.stop()

    assert app.metrics.value("requests", "/healthz", "GET", "200") == 3
