"""One commit serves all who wait; a failure reaches those it may concern.

The engine is a fake that writes down what it is asked to do: what is tested is
who runs when, and who hears what.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from authserver import errors
from authserver.store.database import Description
from authserver.store.groups import Locked
from authserver.store.one_writer import OneWriterDatabase
from authserver.store.waiting import Waiting
from tests.conftest import PATIENCE_S

DESCRIPTION = Description("Journal", "1", "fake")
request_id = contextvars.ContextVar("request_id", default="-")


class Engine:
    """Opens fake connections and keeps a journal of what is done with them."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.failing: dict[str, Exception] = {}  # by action
        self.waiting: dict[str, threading.Event] = {}  # likewise
        self.patience: list[bool] = []  # of each begin

    def connect(self, writable: bool) -> "FakeConnection":
        self.do("connect writer" if writable else "connect reader")
        return FakeConnection(self)

    def do(self, action: str) -> None:
        self.journal.append(action)
        if action in self.waiting:
            self.waiting[action].wait(PATIENCE_S)
        if action in self.failing:
            raise self.failing[action]


class FakeConnection:
    """A `one_writer.Connection`."""

    def __init__(self, engine: Engine) -> None:
        self.failure: errors.Unavailable | None = None
        self._engine = engine

    def begin(self, *, wait: bool) -> None:
        self._engine.patience.append(wait)
        self._engine.do("begin")

    def commit(self) -> None:
        self._engine.do("commit")

    def rollback(self) -> None:
        self._engine.do("rollback")

    def run_in_savepoint(self, call):
        return call(self)

    def begin_snapshot(self) -> None:
        pass

    def end_snapshot(self) -> None:
        pass

    def close(self) -> None:
        self._engine.do("close")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def database(engine: Engine) -> Iterator[OneWriterDatabase]:
    opened = OneWriterDatabase(
        engine.connect,
        writer=FakeConnection(engine),
        release=lambda: engine.do("release"),
        description=DESCRIPTION,
        begin_wait_s=0.5,
    )
    yield opened
    opened.close()


def until(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds, which another thread sees to."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


class Caller(threading.Thread):
    """Runs a transaction and keeps how it ended."""

    def __init__(self, database: OneWriterDatabase, function: Callable) -> None:
        super().__init__()
        self.result: object = None
        self.error: Exception | None = None
        self._database, self._function = database, function
        self.start()

    def run(self) -> None:
        try:
            self.result = self._database.transaction(self._function)
        except (errors.AuthError, ValueError) as error:
            self.error = error


@pytest.fixture
def group(database: OneWriterDatabase) -> Callable[..., list[Caller]]:
    """Return what runs functions as one group: all wait while another runs."""

    def group(*functions: Callable) -> list[Caller]:
        busy, go = threading.Event(), threading.Event()
        first = Caller(database, lambda tx: (busy.set(), go.wait()))
        busy.wait()
        callers = []
        for number, function in enumerate(functions, start=1):
            callers.append(Caller(database, function))
            until(lambda number=number: database.waiting == number)
        go.set()
        for caller in [first, *callers]:
            caller.join()
        return callers

    return group


def fail(tx):
    raise ValueError("mine alone")


def test_those_who_wait_share_one_commit(engine, group):
    callers = group(lambda tx: 1, lambda tx: 2, lambda tx: 3)

    assert [caller.result for caller in callers] == [1, 2, 3]
    assert engine.journal == ["begin", "commit", "begin", "commit"]


def test_function_that_raises_harms_only_its_caller(engine, group):
    good, bad, other = group(lambda tx: 1, fail, lambda tx: 3)

    assert (good.result, other.result) == (1, 3)
    assert isinstance(bad.error, ValueError)
    assert engine.journal[-1] == "commit"


def test_failed_commit_is_unavailable_to_all_even_to_who_raised(engine, group):
    # Who raised may have seen a neighbour's row, which now never was.
    def fail_commit(tx):
        engine.failing["commit"] = OSError("disk")

    callers = group(fail_commit, fail, lambda tx: 3)
    engine.failing.clear()

    assert [type(caller.error) for caller in callers] == [errors.Unavailable] * 3


def test_connection_is_opened_anew_after_a_failed_commit(engine, database):
    engine.failing["commit"] = OSError("disk")
    with pytest.raises(errors.Unavailable):
        database.transaction(lambda tx: 1)
    engine.failing.clear()

    assert database.transaction(lambda tx: 2) == 2
    assert engine.journal == [
        *("begin", "commit", "close"),
        *("connect writer", "begin", "commit"),
    ]


def test_machine_failure_that_a_function_swallows_is_not_committed(engine, database):
    def swallow(tx):
        tx.failure = errors.Unavailable("disk full")

    with pytest.raises(errors.Unavailable):
        database.transaction(swallow)

    assert engine.journal == ["begin", "close"]


def test_writer_lives_on_when_the_database_cannot_be_opened(engine, database, caplog):
    engine.failing["begin"] = errors.Unavailable("gone")
    engine.failing["connect writer"] = errors.Unavailable("still gone")
    for _ in range(2):
        with pytest.raises(errors.Unavailable, match="cannot be written"):
            database.transaction(lambda tx: 1)
    engine.failing.clear()

    assert database.transaction(lambda tx: 2) == 2
    assert "the database cannot be written" in caplog.text
    assert engine.journal[:3] == ["begin", "close", "connect writer"]


def test_who_waits_for_a_lock_is_served_when_it_goes(engine, database):
    engine.failing["begin"] = Locked()
    caller = Caller(database, lambda tx: "served")
    until(lambda: "begin" in engine.journal)
    engine.failing.clear()
    caller.join()

    assert caller.result == "served"


def test_lock_does_not_keep_the_database_from_closing(engine, database, caplog):
    engine.failing["begin"] = Locked()
    database.later(lambda tx: 1)
    database.close()

    assert engine.journal[-2:] == ["close", "release"]
    assert "another program has locked the database" in caplog.text
    assert "unawaited transaction failed" in caplog.text


@pytest.mark.parametrize("outer", ["transaction", "read"])
@pytest.mark.parametrize("inner", ["transaction", "read", "later"])
def test_transaction_inside_a_transaction_is_a_bug(database, outer, inner):
    def nest(tx):
        getattr(database, inner)(lambda tx: None)

    with pytest.raises(RuntimeError, match="inside a transaction"):
        getattr(database, outer)(nest)


def test_function_runs_in_its_callers_context(database):
    request_id.set("5f0c")

    assert database.transaction(lambda tx: request_id.get()) == "5f0c"


def test_failure_of_an_unawaited_transaction_is_logged_in_its_context(database, caplog):
    seen = []
    request_id.set("77aa")
    with caplog.filtering(lambda record: seen.append(request_id.get()) or True):
        database.later(fail)
        database.transaction(lambda tx: None)

    assert "unawaited transaction failed: mine alone" in caplog.text
    assert seen == ["77aa"]


def test_readers_are_opened_once_and_used_again(engine, database):
    for number in range(3):
        assert database.read(lambda tx, number=number: number) == number

    assert engine.journal == ["connect reader"]


def test_reader_is_thrown_away_after_a_failure_of_the_machine(engine, database):
    def break_down(tx):
        tx.failure = errors.Unavailable("disk")
        raise tx.failure

    with pytest.raises(errors.Unavailable):
        database.read(break_down)

    assert database.read(lambda tx: 1) == 1
    assert engine.journal == ["connect reader", "close", "connect reader"]


def test_place_of_a_reader_that_cannot_be_opened_is_kept(engine, database):
    engine.failing["connect reader"] = errors.Unavailable("no descriptors")
    for _ in range(20):
        with pytest.raises(errors.Unavailable):
            database.read(lambda tx: 1)
    engine.failing.clear()

    assert database.read(lambda tx: 1) == 1


def test_nobody_waits_for_a_reader_and_few_are_kept(engine, database):
    go, begun = threading.Event(), threading.Semaphore(0)
    readers = [
        threading.Thread(
            target=database.read, args=(lambda tx: (begun.release(), go.wait()),)
        )
        for _ in range(12)
    ]
    for reader in readers:
        reader.start()
        begun.acquire()

    assert database.read_once(lambda tx: "at once") == "at once"
    go.set()
    for reader in readers:
        reader.join()
    opened = engine.journal.count("connect reader")

    assert [database.read(lambda tx: 1) for _ in range(20)] == [1] * 20
    assert engine.journal.count("connect reader") == opened
    assert engine.journal.count("close") == 5


def test_closing_serves_who_waits_and_may_be_repeated(engine, database):
    served = []
    for number in range(3):
        database.later(lambda tx, number=number: served.append(number))
    database.close()
    database.close()

    assert served == [0, 1, 2]
    assert engine.journal.count("release") == 1


def test_closing_has_an_end_although_an_interrupt_took_a_readers_place(
    engine, database
):
    def break_down(tx):
        engine.failing["close"] = KeyboardInterrupt()  # as the place is given back
        tx.failure = errors.Unavailable("disk")
        raise tx.failure

    with pytest.raises(KeyboardInterrupt):
        database.read(break_down)
    engine.failing.clear()
    closing = threading.Thread(target=database.close, daemon=True)
    closing.start()
    closing.join(PATIENCE_S)

    assert not closing.is_alive()
    assert engine.journal[-1] == "release"


@pytest.mark.parametrize("method", ["transaction", "read"])
def test_closed_database_is_unavailable(database, method):
    database.close()

    with pytest.raises(errors.Unavailable, match="closed"):
        getattr(database, method)(lambda tx: 1)


class Slow(logging.Handler):
    """Keeps whoever logs until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.busy, self.go = threading.Event(), threading.Event()

    def emit(self, record) -> None:
        self.busy.set()
        self.go.wait(PATIENCE_S)


@pytest.fixture
def slow_log() -> Iterator[Slow]:
    """A log that takes its time, for who tells of transactions."""
    handler, log = Slow(), logging.getLogger("authserver.store.waiting")
    log.addHandler(handler)
    yield handler
    handler.go.set()
    log.removeHandler(handler)


class Rounds:
    """A thread that works in rounds: this one. It keeps what it is told."""

    def __init__(self, database: OneWriterDatabase) -> None:
        database.end_round()  # from here on it does
        self.told: list[object] = []
        self._database = database

    def begin(self, function: Callable) -> None:
        self._database.begin(
            function, done=lambda result, error: self.told.append(error or result)
        )

    def end(self, *, told: int) -> None:
        """End the round, and all that follow until so many are told."""
        self._database.end_round()
        until(lambda: self._database.end_round() or len(self.told) == told)


def test_round_runs_what_it_began_itself_and_the_writer_commits(engine, database):
    rounds = Rounds(database)
    rounds.begin(lambda tx: threading.current_thread())
    rounds.begin(lambda tx: threading.current_thread())

    rounds.end(told=2)

    assert rounds.told == [threading.current_thread()] * 2
    assert engine.journal == ["begin", "commit"]


@pytest.mark.parametrize(
    ("function", "outcome"),
    [(lambda tx: 1, (1, type(None))), (lambda tx: 1 / 0, (None, ZeroDivisionError))],
)
def test_who_does_not_work_in_rounds_waits_for_what_it_begins(
    database, function, outcome
):
    told = []

    database.begin(
        function, done=lambda result, error: told.append((result, type(error)))
    )

    assert told == [outcome]


def test_two_threads_in_rounds_are_each_told_their_own(database):
    rounds, others = Rounds(database), []

    def work():
        own = Rounds(database)
        own.begin(lambda tx: "other")
        own.end(told=1)
        others.append((own.told, threading.get_ident()))

    thread = threading.Thread(target=work)
    rounds.begin(lambda tx: "own")
    thread.start()
    rounds.end(told=1)
    thread.join(PATIENCE_S)

    assert rounds.told == ["own"]
    assert others[0][0] == ["other"]


def test_what_others_wait_for_holds_up_no_round(database):
    rounds = Rounds(database)
    busy, go = threading.Event(), threading.Event()
    slow = Caller(database, lambda tx: (busy.set(), go.wait(), threading.get_ident()))
    busy.wait()
    rounds.begin(lambda tx: "after all")

    database.end_round()
    told_meanwhile = [*rounds.told]
    go.set()
    slow.join()
    rounds.end(told=1)

    assert told_meanwhile == []
    assert rounds.told == ["after all"]
    assert slow.result[2] != threading.get_ident()


def test_round_is_told_nothing_before_the_commit_has_an_end(engine, database):
    rounds = Rounds(database)
    go = threading.Event()
    engine.waiting["commit"] = go
    rounds.begin(lambda tx: 1)

    database.end_round()
    told_meanwhile = [*rounds.told]
    go.set()
    rounds.end(told=1)

    assert told_meanwhile == []


def test_what_a_sleeping_thread_began_is_run_by_the_writer_before_it_is_told(
    engine, database
):
    rounds = Rounds(database)
    go, ran = threading.Event(), []
    engine.waiting["commit"] = go
    rounds.begin(lambda tx: 1)
    database.end_round()
    rounds.begin(lambda tx: ran.append(threading.current_thread().name) or 2)
    database.end_round()  # and sleeps

    go.set()
    until(lambda: engine.journal == ["begin", "commit"] * 2)

    assert ran == ["database-writer"]
    rounds.end(told=2)
    assert rounds.told == [1, 2]


def test_what_a_thread_at_work_has_begun_is_left_to_it(engine, database):
    rounds = Rounds(database)
    go, ran = threading.Event(), []
    engine.waiting["commit"] = go
    rounds.begin(lambda tx: 1)
    database.end_round()
    rounds.begin(lambda tx: ran.append(threading.current_thread()))  # at work since

    go.set()
    until(lambda: engine.journal == ["begin", "commit"])

    rounds.end(told=2)
    assert ran == [threading.current_thread()]


@pytest.mark.parametrize("action", ["begin", "commit"])
def test_round_whose_group_fails_is_refused_and_the_next_one_served(
    engine, database, action
):
    rounds = Rounds(database)
    engine.failing[action] = errors.Unavailable("disk")
    rounds.begin(lambda tx: "lost")
    rounds.end(told=1)
    engine.failing.clear()

    rounds.begin(lambda tx: "found")
    rounds.end(told=2)

    assert isinstance(rounds.told[0], errors.Unavailable)
    assert rounds.told[1] == "found"


def test_round_opens_no_file_after_a_failure_but_leaves_it_to_the_writer(
    engine, database
):
    rounds = Rounds(database)
    engine.failing["commit"] = errors.Unavailable("disk")
    rounds.begin(lambda tx: "lost")
    rounds.end(told=1)
    engine.failing.clear()
    opened = []
    connect = database._connect
    database._connect = lambda writable: (
        opened.append(threading.current_thread().name) or connect(writable)
    )

    rounds.begin(lambda tx: "found")
    rounds.end(told=2)

    assert rounds.told[1] == "found"
    assert opened == ["database-writer"]


def test_round_does_not_wait_for_another_programs_lock(engine, database):
    rounds = Rounds(database)
    engine.failing["begin"] = Locked()
    rounds.begin(lambda tx: "once it is free")

    database.end_round()
    told_meanwhile = [*rounds.told]
    engine.failing.clear()
    rounds.end(told=1)

    assert engine.patience[0] is False
    assert told_meanwhile == []
    assert rounds.told == ["once it is free"]


def test_closing_commits_what_a_round_has_run(engine, database):
    rounds = Rounds(database)
    rounds.begin(lambda tx: "kept")

    database.end_round()
    database.close()
    database.end_round()

    assert rounds.told == ["kept"]
    assert engine.journal[:2] == ["begin", "commit"]


def test_who_waits_behind_a_round_waits_for_no_other_round(database, slow_log):
    # The writer is kept where it tells of a failure, and meanwhile all gather.
    rounds = Rounds(database)
    database.later(lambda tx: 1 / 0)
    slow_log.busy.wait(PATIENCE_S)
    rounds.begin(lambda tx: 1)
    database.end_round()
    rounds.begin(lambda tx: 2)  # whose round has no end
    caller = Caller(database, lambda tx: "served")
    until(lambda: database.waiting == 2)
    slow_log.go.set()
    caller.join()

    assert caller.result == "served"


def test_round_that_ends_as_the_database_closes_opens_nothing_again(
    engine, database, monkeypatch
):
    rounds = Rounds(database)
    rounds.begin(lambda tx: "kept")
    asked = Waiting.first_is_of

    def close_after(queue, rounds):
        first = asked(queue, rounds)
        database.close()
        return first

    monkeypatch.setattr(Waiting, "first_is_of", close_after)
    database.end_round()
    database.end_round()

    assert rounds.told == ["kept"]
    assert engine.journal[-1] == "release"
