"""What single reads see, alone and in rounds."""

import contextlib
import sqlite3
import threading
import time

import pytest

from authserver import errors
from authserver.store import readers
from authserver.store.sqlite import open_file


@pytest.fixture
def database(tmp_path):
    opened = open_file(tmp_path / "readers.db", now=1)
    yield opened
    opened.close()


def add(database) -> None:
    database.transaction(
        lambda tx: tx.execute(
            "INSERT INTO schema_migrations (name, applied_at, sha256) VALUES (?, 1, ?)",
            (threading.current_thread().name, "d"),
        )
    )


def migrations(tx):
    return tx.one("SELECT COUNT(*) FROM schema_migrations")


def count(database) -> int:
    return database.read_once(migrations)[0]


def in_a_thread(function, *args) -> None:
    thread = threading.Thread(target=function, args=args, name="another thread")
    thread.start()
    thread.join()


def test_single_read_sees_what_was_committed_before_it(database):
    before = count(database)

    in_a_thread(add, database)

    assert count(database) == before + 1


def test_reads_of_a_round_see_one_moment_and_the_next_round_sees_all(database):
    database.end_round()
    before = count(database)

    in_a_thread(add, database)
    within = count(database)
    database.end_round()

    assert within == before
    assert count(database) == before + 1


def test_rounds_of_one_thread_are_no_matter_to_another(database):
    seen = []
    database.end_round()
    before = count(database)
    in_a_thread(add, database)

    in_a_thread(lambda: seen.append(count(database)))

    assert seen == [before + 1]


def test_change_by_another_program_is_seen_in_the_next_round(database, tmp_path):
    database.end_round()
    before = count(database)
    database.end_round()

    with contextlib.closing(sqlite3.connect(tmp_path / "readers.db")) as shell:
        shell.execute("DELETE FROM schema_migrations WHERE name = '0001_accounts'")
        shell.commit()

    assert count(database) == before - 1


def test_row_is_read_once_while_nobody_commits(database):
    reads = []

    def read(tx):
        reads.append(tx)
        return tx.one("SELECT COUNT(*) FROM schema_migrations")

    for _ in range(5):
        database.end_round()
        database.read_once(read)

    assert len(reads) == 1


def test_nothing_is_never_remembered(database):
    reads = []

    def read(tx):
        reads.append(tx)
        return tx.one("SELECT name FROM schema_migrations WHERE name = 'x'")

    for _ in range(5):
        database.end_round()
        assert database.read_once(read) is None

    assert len(reads) == 5


def test_memory_is_bounded(database):
    database.end_round()
    for number in range(readers.MAX_REMEMBERED + 1):
        database.read_once(lambda tx, number: number + 1, number)

    seen = []
    database.read_once(lambda tx, number: seen.append(number) or 1, 0)

    assert seen == [0]


def test_closing_waits_for_nobody_who_reads_in_rounds(tmp_path):
    opened = open_file(tmp_path / "held.db", now=1)
    opened.end_round()
    count(opened)
    started = time.monotonic()

    opened.close()

    assert time.monotonic() - started < 1
    with pytest.raises(errors.Unavailable):
        count(opened)


class Failing:
    """A reader whose machine breaks down with the first statement."""

    failure = None

    def version(self) -> int:
        return 1

    def begin_snapshot(self) -> None:
        pass

    def end_snapshot(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_reader_that_is_opened_while_all_are_closed_is_closed_too():
    opened = []

    class Late(Failing):
        closed = False

        def close(self) -> None:
            self.closed = True

    def connect():
        lending.close(0)
        opened.append(Late())
        return opened[0]

    lending = readers.Readers(connect)

    with pytest.raises(errors.Unavailable, match="closed"):
        lending.read(lambda _: None)

    assert opened[0].closed


def test_what_is_remembered_is_refused_inside_of_a_read_as_well(database):
    database.end_round()
    database.read_once(lambda tx: tx.one("SELECT 1"))

    def read(tx):
        return tx.one("SELECT 1")

    database.read_once(read)
    with pytest.raises(RuntimeError, match="inside a transaction"):
        database.read(lambda _: database.read_once(read))


def fail(reader) -> None:
    reader.failure = errors.Unavailable("disk")
    raise reader.failure


def test_reader_that_failed_in_a_round_is_replaced_within_it():
    lending = readers.Readers(Failing)
    lending.end_round()

    with pytest.raises(errors.Unavailable):
        lending.read_once(fail, "broken")

    assert lending.read_once(lambda reader: reader.failure is None, "sound")
