"""DATABASE_URL names one file, and a refusal never repeats what it named."""

import pytest

from authserver.store import database

NOW = 1_700_000_000


def read_one(tx):
    return tx.one("SELECT 1")


@pytest.mark.parametrize(
    ("fault", "url"),
    [
        ("empty", ""),
        ("another engine", "postgresql://user:hunter2@host/name"),
        ("two slashes", "sqlite://hunter2.db"),
        ("a bare path", "hunter2.db"),
    ],
)
def test_other_urls_are_refused_without_being_repeated(fault, url):
    with pytest.raises(database.DatabaseError, match="must be sqlite:///") as refusal:
        database.open_database(url, now=NOW)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ["", ":memory:", "file.db?mode=memory"])
def test_url_without_a_plain_file_is_refused(name):
    with pytest.raises(database.DatabaseError, match="must name a file"):
        database.open_database(f"sqlite:///{name}", now=NOW)


def test_three_slashes_are_relative_to_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    database.open_database("sqlite:///here.db", now=NOW).close()

    assert (tmp_path / "here.db").exists()


def test_four_slashes_are_absolute(tmp_path):
    opened = database.open_database(f"sqlite:///{tmp_path}/there.db", now=NOW)

    assert opened.read(read_one) == (1,)
    opened.close()
