"""server.py audit: what happened, filtered, for people and for programs."""

import json

import pytest

from authserver import runtime, tokens
from authserver.settings import Settings
from authserver.store import audit_log, users
from authserver.store.audit_log import Entry
from authserver.store.database import open_database
from tests import databases, processes
from tests.processes import ServerProcess, join, log_in
from tests.store.rows import ALICE

DAY = 1_769_851_800  # 2026-01-31T09:30:00Z
GONE = tokens.new_id(DAY)
FIRST = Entry(
    id=tokens.new_id(DAY),
    at=DAY,
    event="login",
    outcome="ok",
    user_id=ALICE.id,
    identifier="alice",
    address="192.0.2.1",
    user_agent="Tester/1.0",
    request_id="0123456789abcdef",
)
ENTRIES = (
    FIRST,
    FIRST._replace(id=tokens.new_id(DAY + 60), at=DAY + 60, event="logout"),
    FIRST._replace(
        id=tokens.new_id(DAY + 3600),
        at=DAY + 3600,
        outcome="invalid_credentials",
        user_id=None,
        identifier=None,
        user_agent="\x1b[2J\nforged\x85line",
    ),
    FIRST._replace(
        id=tokens.new_id(DAY + 86400), at=DAY + 86400, user_id=GONE, identifier=None
    ),
)


@pytest.fixture(params=databases.ENGINES)
def engine(request) -> str:
    return str(request.param)


@pytest.fixture
def audit(tmp_path, database_url):
    """Return what prints a log of four entries, on each engine in turn."""
    database = open_database(database_url, now=DAY)
    database.transaction(users.insert, ALICE)
    for entry in ENTRIES:
        database.transaction(audit_log.insert, entry)
    database.close()

    def audit(*arguments):
        ended = processes.run(tmp_path, "audit", *arguments, DATABASE_URL=database_url)
        told = "" if ended.stdout else "authserver: no entries.\n"
        assert (ended.returncode, ended.stderr) == (0, told)
        return ended.stdout

    return audit


def numbers(output: str) -> list[int]:
    """Which of `ENTRIES` were printed as JSON."""
    ids = [entry.id for entry in ENTRIES]
    return [ids.index(json.loads(line)["id"]) for line in output.splitlines()]


def test_people_get_aligned_columns_that_no_user_agent_breaks(audit):
    assert audit() == (
        "2026-01-31T09:30:00Z  login           ok                   alice            "
        "            192.0.2.1       0123456789abcdef Tester/1.0\n"
        "2026-01-31T09:31:00Z  logout          ok                   alice            "
        "            192.0.2.1       0123456789abcdef Tester/1.0\n"
        "2026-01-31T10:30:00Z  login           invalid_credentials  -                "
        "            192.0.2.1       0123456789abcdef \\x1b[2J\\nforged\\x85line\n"
        f"2026-02-01T09:30:00Z  login           ok                   {GONE} "
        "192.0.2.1       0123456789abcdef Tester/1.0\n"
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), [0, 1, 2, 3]),
        (("--user", "Alice"), [0, 1]),
        (("--user", "alice@example.org"), [0, 1]),
        (("--user", "+44 20 7946 0018"), [0, 1]),
        (("--user", GONE.upper()), [3]),
        (("--event", "login"), [0, 2, 3]),
        (("--event", "login", "--user", "alice"), [0]),
        (("--event", "reset"), []),
        (("--since", "2026-01-31T09:31"), [1, 2, 3]),
        (("--until", "2026-01-31T10:30:00Z"), [0, 1]),
        (("--since", "2026-02-01", "--until", "2026-02-02"), [3]),
        (("--since", "1d"), []),
        (("--limit", "2"), [2, 3]),
        (("--limit", "9"), [0, 1, 2, 3]),
        (("--limit", "1", "--user", "alice"), [1]),
        (("--limit", "1", "--event", "login", "--until", "2026-02-01"), [2]),
    ],
)
def test_filters_choose(audit, arguments, found):
    assert numbers(audit("--json", *arguments)) == found


def test_programs_get_every_column(audit):
    line = json.loads(audit("--json", "--limit", "1"))

    assert line == ENTRIES[3]._asdict() | {"at": "2026-02-01T09:30:00Z"}


@pytest.fixture
def folder(tmp_path):
    """A folder with an empty database."""
    runtime.close(
        runtime.create_app(Settings(database_url=f"sqlite:///{tmp_path}/authserver.db"))
    )
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--user", "nobody"), "--user names nobody"),
        (("--user", "?"), "--user names nobody"),
        (("--since", "yesterday"), "a time is 2026-01-31"),
        (("--limit", "0"), "a number from 1 up"),
    ],
)
def test_mistake_is_told_in_a_sentence(folder, arguments, complaint):
    ended = processes.run(folder, "audit", *arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert complaint in ended.stderr


def test_running_server_goes_on_while_its_log_is_read(tmp_path):
    server = ServerProcess(tmp_path).start()
    try:
        join(server)
        log_in(server)
        printed = processes.run(
            tmp_path, "audit", "--user", "alice", "--event", "login"
        )
        status = log_in(server).status
    finally:
        server.kill()
    after_the_kill = processes.run(tmp_path, "audit", "--event", "login")

    assert status == 200
    assert len(printed.stdout.splitlines()) == 1
    assert len(after_the_kill.stdout.splitlines()) == 2


def test_log_of_many_pages_is_printed_once_and_whole(folder):
    database = open_database(f"sqlite:///{folder}/authserver.db", now=DAY)
    count = 12_000
    database.transaction(
        lambda tx: [
            audit_log.insert(
                tx, FIRST._replace(id=tokens.new_id(DAY), at=DAY + n // 5000)
            )
            for n in range(count)
        ]
    )
    database.close()

    lines = processes.run(folder, "audit", "--json").stdout.splitlines()

    assert len(lines) == len(set(lines)) == count
    assert lines == sorted(lines, key=lambda line: json.loads(line)["at"])
