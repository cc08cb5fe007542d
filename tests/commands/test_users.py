"""server.py users import: what was refused, how many, and how it ended."""

import json
import sys
from pathlib import Path

import pytest

from tests import databases, processes
from tests.processes import ServerProcess, environment

BCRYPT = "$2b$04$......................8QPuF36SqwZ1d9QO3taNcRXHOtLxpvS"  # of "x"
SECRET = "p4Yt0uXcQ9sV2nKe7LbWm5ZrTj8GhDfA3i6o1NxC"


@pytest.fixture(params=databases.ENGINES)
def engine(request) -> str:
    return str(request.param)


def write(path: Path, *names: str) -> str:
    lines = [
        json.dumps({"username": name, "email": f"{name}@example.org", "hash": BCRYPT})
        for name in names
    ]
    path.write_text("\n".join(lines))
    return str(path)


def test_file_is_rehearsed_imported_and_refused_when_repeated(tmp_path, database_url):
    file = write(tmp_path / "people.jsonl", "alice", "bob", "alice")
    settings = {"DATABASE_URL": database_url, "SECRET_KEY": SECRET}

    def users(*arguments):
        ended = processes.run(tmp_path, "users", "import", file, *arguments, **settings)
        return ended.returncode, ended.stdout, ended.stderr.splitlines()

    assert processes.run(tmp_path, "migrate", **settings).returncode == 0
    repeated = "line 3: Line 1 has the same user name."
    assert users("--dry-run") == (1, "2 could be imported, 1 refused\n", [repeated])
    assert users() == (1, "2 imported, 1 refused\n", [repeated])
    here = "This user is here already."
    assert users() == (
        1,
        "0 imported, 3 refused\n",
        [f"line 1: {here}", f"line 2: {here}", f"line 3: {here}"],
    )


@pytest.fixture
def run(tmp_path):
    """Return what runs the command on SQLite in a folder."""

    def run(*arguments):
        return processes.run(tmp_path, "users", "import", *arguments)

    return run


def test_all_taken_is_success_in_a_new_folder_too(tmp_path, run):
    ended = run(write(tmp_path / "people.jsonl", "alice", "bob"))

    assert (ended.returncode, ended.stdout) == (0, "2 imported, 0 refused\n")


def test_file_comes_from_standard_input(tmp_path):
    write(tmp_path / "people.jsonl", "alice")

    with open(tmp_path / "people.jsonl", "rb") as file:
        ended = processes.subprocess.run(
            (sys.executable, processes.SERVER, "users", "import", "-"),
            cwd=tmp_path,
            env=environment({}),
            stdin=file,
            capture_output=True,
        )

    assert ended.stdout == b"1 imported, 0 refused\n"


def test_running_server_is_in_the_way_of_an_import_but_not_of_a_rehearsal(
    tmp_path, run
):
    file = write(tmp_path / "people.jsonl", "alice")
    server = ServerProcess(tmp_path).start()
    try:
        refused, rehearsed = run(file), run(file, "--dry-run")
    finally:
        server.kill()

    assert refused.returncode == 2
    assert "stop it first" in refused.stderr
    assert rehearsed.stdout == "1 could be imported, 0 refused\n"


def test_rehearsal_leaves_an_empty_folder_empty(tmp_path, run):
    file = write(tmp_path / "people.jsonl", "alice")

    ended = run(file, "--dry-run")

    assert ended.returncode == 2
    assert "There is no database" in ended.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["people.jsonl"]


def test_file_that_is_not_there_is_named(run):
    ended = run("nowhere.jsonl")

    assert ended.returncode == 2
    assert ended.stderr == "authserver: nowhere.jsonl: No such file or directory.\n"


def test_hash_is_never_shown(tmp_path, run):
    (tmp_path / "people.jsonl").write_text(
        f'{{"username": "{BCRYPT}"}}\n{{"{BCRYPT}": 1}}\n{BCRYPT}\n'
    )

    ended = run("people.jsonl")

    assert ended.stdout == "0 imported, 3 refused\n"
    assert "$2b$" not in ended.stderr
