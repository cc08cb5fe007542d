"""audit_log: what happened, oldest first, page by page, by an index."""

import re
from pathlib import Path

import pytest

from authserver.store import audit_log, sqlite
from authserver.store.audit_log import Entry, Position, Wanted
from tests.store.rows import NOW

FIRST = Entry(
    id="1",
    at=NOW,
    event="login",
    outcome="ok",
    user_id="alice's id",
    identifier="alice",
    address="192.0.2.1",
    user_agent="Tester/1.0",
    request_id="0123456789abcdef",
)
SECOND = FIRST._replace(id="2", at=NOW + 1, event="logout")
OTHERS = FIRST._replace(id="3", user_id=None, identifier=None)


ANY = Wanted(until=NOW + 9)
START = Position(NOW)


def write(do, *entries: Entry) -> None:
    for entry in entries:
        do(audit_log.insert, entry)


def test_entries_are_listed_oldest_first(do):
    write(do, SECOND, OTHERS, FIRST)

    assert do(audit_log.list_after, START, ANY, limit=9) == [FIRST, OTHERS, SECOND]
    assert do(audit_log.list_after, START, ANY, limit=2) == [FIRST, OTHERS]


def test_entries_of_a_user_are_listed_oldest_first_though_the_user_be_gone(do):
    write(do, SECOND, OTHERS, FIRST)

    def listed(user_id, **limit):
        return do(audit_log.list_by_user_after, user_id, START, ANY, **limit)

    assert listed("alice's id", limit=9) == [FIRST, SECOND]
    assert listed("alice's id", limit=1) == [FIRST]
    assert listed("bob's id", limit=9) == []


@pytest.mark.parametrize(
    ("start", "wanted", "found"),
    [
        (Position(NOW, "1"), ANY, [OTHERS, SECOND]),
        (Position(NOW, "3"), ANY, [SECOND]),
        (Position(NOW + 1), ANY, [SECOND]),
        (Position(NOW + 1, "2"), ANY, []),
        (START, Wanted(until=NOW + 1), [FIRST, OTHERS]),
        (START, Wanted(until=NOW), []),
        (START, Wanted(NOW + 9, event="logout"), [SECOND]),
        (START, Wanted(NOW + 9, event="reset"), []),
    ],
)
def test_page_begins_after_a_position_and_keeps_to_what_is_wanted(
    do, start, wanted, found
):
    write(do, FIRST, SECOND, OTHERS)
    alices = [entry for entry in found if entry.user_id]

    assert do(audit_log.list_after, start, wanted, limit=9) == found
    assert (
        do(audit_log.list_by_user_after, "alice's id", start, wanted, limit=9) == alices
    )


@pytest.mark.parametrize(
    ("count", "wanted", "position"),
    [
        (1, ANY, Position(NOW, "3")),
        (2, ANY, Position(NOW, "1")),
        (3, ANY, None),
        (1, Wanted(until=NOW + 1), Position(NOW, "1")),
        (1, Wanted(NOW + 9, event="login"), Position(NOW, "1")),
        (1, Wanted(NOW + 9, event="logout"), None),
    ],
)
def test_latest_entries_begin_after_a_position(do, count, wanted, position):
    write(do, FIRST, SECOND, OTHERS)

    assert do(audit_log.find_before_latest, NOW, wanted, count=count) == position


@pytest.mark.parametrize(("count", "position"), [(1, Position(NOW, "1")), (2, None)])
def test_latest_entries_of_a_user_begin_after_a_position(do, count, position):
    write(do, FIRST, SECOND, OTHERS)

    found = do(
        audit_log.find_before_latest_by_user, "alice's id", NOW, ANY, count=count
    )

    assert found == position


def test_pages_of_one_user_and_of_all_are_found_by_an_index(tmp_path):
    path = tmp_path / "accounts.db"
    sqlite.open_file(path, now=NOW).close()
    seen = Plans(path)

    audit_log.list_after(seen, START, ANY, limit=9)
    audit_log.list_by_user_after(seen, "alice's id", START, ANY, limit=9)
    audit_log.find_before_latest(seen, NOW, ANY, count=9)
    audit_log.find_before_latest_by_user(seen, "alice's id", NOW, ANY, count=9)

    assert seen.indexes == ["ix_audit_log_at", "ix_audit_log_user_id_at"] * 2


def test_old_entries_go_in_batches(do):
    write(do, FIRST, SECOND, OTHERS)

    def delete(before):
        return do(audit_log.delete_old, before=before, limit=1)

    deleted = [delete(NOW), delete(NOW + 1), delete(NOW + 1), delete(NOW + 1)]
    assert deleted == [0, 1, 1, 0]
    assert do(audit_log.list_after, START, ANY, limit=9) == [SECOND]


class Plans:
    """A transaction that asks SQLite how it would answer, and not what."""

    def __init__(self, path: Path) -> None:
        self.indexes: list[str] = []
        self._path = path

    def all(self, sql: str, parameters: tuple[object, ...]) -> list[object]:
        question = f"EXPLAIN QUERY PLAN {sql}"
        plan = sqlite.look(self._path, lambda tx: tx.all(question, parameters))
        self.indexes += re.findall("INDEX ([a-z_]+)", str(plan))
        return []

    def one(self, sql: str, parameters: tuple[object, ...]) -> None:
        self.all(sql, parameters)
