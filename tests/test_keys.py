"""One secret, many keys; and a key file that is complete, private, durable."""

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from authserver import keys

IN_ENV_EXAMPLE = b"change-me-to-at-least-32-random-bytes"
OLD, NEW = b"old secret " * 4, b"new secret " * 4


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def make(path) -> bytes:
    return keys.load_or_create(path, may_create=True)


def test_first_secret_is_current():
    ring = keys.Keyring([NEW, OLD])

    assert ring.current == keys.Keyring([NEW]).current
    assert ring.current != keys.Keyring([OLD]).current


def test_rotation_keeps_the_old_key_until_it_leaves_the_list():
    old = keys.Keyring([OLD])
    both = keys.Keyring([NEW, OLD])
    new = keys.Keyring([NEW])

    assert both.derive("codes", old.current) == old.derive("codes", old.current)
    assert new.derive("codes", old.current) is None


def test_derived_lists_the_keys_of_all_secrets_by_kid():
    ring = keys.Keyring([NEW, OLD])
    old = keys.Keyring([OLD])

    assert ring.derived("codes") == {
        ring.current: ring.derive("codes", ring.current),
        old.current: old.derive("codes", old.current),
    }


def test_each_label_has_a_key_of_its_own():
    ring = keys.Keyring([NEW])
    labels = ("codes", "code", "links", "")

    made = {ring.derive(label, ring.current) for label in labels}

    assert len(made) == 4
    assert NEW not in made


def test_derivation_never_changes():
    # Were this to change, an update would log everybody out.
    ring = keys.Keyring([b"0123456789abcdef" * 2])

    assert ring.current == "ec2bc736d9215073"
    assert ring.derived("access token")[ring.current].hex() == (
        "6b1d0d9dbf85d1e63ea2ac98585be3e74e6e37cdf4bb895be39ecb522b15d542"
    )


def test_kid_is_16_hex_digits_that_do_not_show_the_secret():
    ring = keys.Keyring([b"\x01" * 31 + b"\x02"])

    assert re.fullmatch("[0-9a-f]{16}", ring.current)
    assert "0101" not in ring.current


def test_keyring_does_not_print_its_secrets():
    assert "secret" not in repr(keys.Keyring([NEW])).lower()


def test_keyring_without_a_secret_is_a_bug():
    with pytest.raises(ValueError, match="at least one"):
        keys.Keyring([])


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (b"", "blank"),
        (b" \t\n" * 20, "blank"),
        (IN_ENV_EXAMPLE, "example"),
        (IN_ENV_EXAMPLE.upper() + b"\n", "example"),
        (IN_ENV_EXAMPLE * 8, "example"),
        (b"r4ndom-but-too-short-by-a-little"[:31], "shorter than 32"),
        (b"short" + b" " * 40, "shorter than 32"),
        (b"a" * 64, "repeated"),
        (b"\0" * 32, "repeated"),
    ],
)
def test_weak_secret_is_refused_with_its_reason(secret, reason):
    assert reason in str(keys.weakness(secret))


@pytest.mark.parametrize(
    "secret",
    [
        b"r4ndom-and-long-enough-to-be-used",
        bytes(range(32)),
        "\u00e9t\u00e9".encode() * 8,
    ],
)
def test_secret_of_32_bytes_passes(secret):
    assert keys.weakness(secret) is None


def test_key_file_is_made_once_and_then_read(tmp_path):
    path = tmp_path / "authserver.key"

    made = make(path)

    assert re.fullmatch(rb"[A-Za-z0-9_-]{43}", made)
    assert keys.weakness(made) is None
    assert make(path) == made
    assert keys.load_or_create(path, may_create=False) == made


def test_two_key_files_differ(tmp_path):
    assert make(tmp_path / "one") != make(tmp_path / "two")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_key_file_is_private_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        make(tmp_path / "authserver.key")
    finally:
        os.umask(before)

    assert mode(tmp_path / "authserver.key") == 0o600


def test_nothing_else_stays_in_the_folder(tmp_path):
    make(tmp_path / "authserver.key")

    assert os.listdir(tmp_path) == ["authserver.key"]


def test_missing_key_file_is_not_replaced_for_an_old_database(tmp_path):
    path = tmp_path / "authserver.key"

    with pytest.raises(keys.KeyFileError, match="is missing"):
        keys.load_or_create(path, may_create=False)

    assert not path.exists()


@pytest.mark.parametrize("bits", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610])
def test_key_file_open_to_others_is_refused(tmp_path, bits):
    path = tmp_path / "authserver.key"
    make(path)
    path.chmod(bits)

    with pytest.raises(keys.KeyFileError, match=f"chmod 600 {path}"):
        make(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"A" * 42,
        b"A" * 44,
        b"A" * 43 + b"\n\n",
        b" " + b"A" * 43,
        b"A" * 42 + b"+",
        b"A" * 20 + b"\0" * 23,
        b"A" * 43 + b"," + b"B" * 43,
        b"A" * 100_000,
    ],
)
def test_damaged_key_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "authserver.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(keys.KeyFileError, match="damaged"):
        make(path)

    assert path.read_bytes() == content


def test_key_file_without_its_line_break_is_read(tmp_path):
    # Editors and secret stores drop it.
    path = tmp_path / "authserver.key"
    made = make(path)
    path.write_bytes(made)

    assert make(path) == made


def test_folder_in_place_of_the_key_file_is_refused(tmp_path):
    with pytest.raises(keys.KeyFileError, match="Is a directory"):
        make(tmp_path)


def test_named_pipe_in_place_of_the_key_file_does_not_hang(tmp_path):
    path = tmp_path / "authserver.key"
    os.mkfifo(path, 0o600)

    with pytest.raises(keys.KeyFileError, match="not a regular file"):
        make(path)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(keys.KeyFileError, match="absent/authserver"):
        make(tmp_path / "absent" / "authserver.key")


def test_link_that_leads_nowhere_is_refused(tmp_path):
    path = tmp_path / "authserver.key"
    path.symlink_to(tmp_path / "nowhere")

    with pytest.raises(keys.KeyFileError, match="is missing"):
        make(path)

    assert os.listdir(tmp_path) == ["authserver.key"]


def test_unwritable_folder_is_reported():
    # /proc takes no files, from root neither.
    with pytest.raises(keys.KeyFileError, match="key file /proc"):
        make(Path("/proc/authserver.key"))


def test_many_starts_at_once_agree_on_one_key(tmp_path):
    barrier = threading.Barrier(16)
    made = []

    def start() -> None:
        barrier.wait()
        made.append(make(tmp_path / "authserver.key"))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 16
    assert len(set(made)) == 1
    assert os.listdir(tmp_path) == ["authserver.key"]


KILLED_BEFORE_LINK = """
import os, sys
from pathlib import Path
from authserver import keys
os.link = lambda *names: os._exit(9)
keys.load_or_create(Path(sys.argv[1]), may_create=True)
"""


def test_crash_while_making_the_key_leaves_no_half_key(tmp_path):
    path = tmp_path / "authserver.key"

    crashed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_LINK, str(path)])

    assert crashed.returncode == 9
    assert not path.exists()
    assert len(make(path)) == 43


def test_key_and_folder_are_synced_before_the_key_is_used(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    make(tmp_path / "authserver.key")

    assert synced == [stat.S_IFREG, stat.S_IFDIR]


def test_disk_error_while_making_the_key_is_a_sentence(tmp_path, monkeypatch):
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(keys.KeyFileError, match="cannot be used: Input/output error"):
        make(tmp_path / "authserver.key")

    assert os.listdir(tmp_path) == []
