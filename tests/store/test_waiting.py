"""Whoever gave up never runs; whoever began is waited for, but not for ever."""

import logging
import threading

import pytest

from authserver import errors
from authserver.store import waiting
from authserver.store.rounds import Rounds
from tests.conftest import PATIENCE_S


def nothing(tx):
    return None


@pytest.fixture
def rounds() -> Rounds:
    """The rounds of a thread that needs not be woken."""
    return Rounds(lambda: None)


def test_call_that_was_not_begun_in_time_never_runs():
    queue = waiting.Waiting(begin_wait_s=0)

    with pytest.raises(errors.Unavailable, match="busy or stuck"):
        queue.run(nothing)

    assert queue.wait()
    assert queue.take() == []


def test_call_that_began_is_waited_for_beyond_the_first_patience():
    queue = waiting.Waiting(begin_wait_s=0.05)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(queue.run(nothing)))
    caller.start()
    queue.wait()
    (job,) = queue.take()

    caller.join(0.2)
    still_waiting = caller.is_alive()
    job.settle("done")
    caller.join()

    assert still_waiting
    assert answers == ["done"]


def test_commit_without_an_end_is_unavailable():
    queue = waiting.Waiting(begin_wait_s=0.05, commit_wait_s=0)
    refused = []

    def call():
        with pytest.raises(errors.Unavailable, match="fate is open") as refusal:
            queue.run(nothing)
        refused.append(refusal)

    caller = threading.Thread(target=call)
    caller.start()
    queue.wait()
    queue.take()
    caller.join()

    assert len(refused) == 1


def test_group_is_bounded_and_in_order_of_arrival():
    queue = waiting.Waiting()
    calls = [lambda tx, number=number: number for number in range(200)]
    for call in calls:
        queue.run_later(call)

    first, second = queue.take(), queue.take()

    assert [job.run(None) for job in first + second] == list(range(200))
    assert len(first) == waiting.MAX_GROUP


def test_full_queue_refuses_at_once():
    queue = waiting.Waiting()
    for _ in range(waiting.MAX_WAITING):
        queue.run_later(nothing)

    with pytest.raises(errors.Unavailable, match="too many wait"):
        queue.run(nothing)

    assert len(queue) == waiting.MAX_WAITING


def test_closed_queue_refuses_and_serves_who_waits():
    queue = waiting.Waiting()
    queue.run_later(nothing)
    queue.close()

    with pytest.raises(errors.Unavailable, match="closed"):
        queue.run(nothing)

    assert queue.wait()
    assert len(queue.take()) == 1
    assert not queue.wait()


def test_unawaited_call_that_is_refused_is_logged_not_raised(caplog):
    queue = waiting.Waiting()
    queue.close()

    with caplog.at_level(logging.ERROR):
        queue.run_later(nothing)

    assert "unawaited transaction failed: the database is closed" in caplog.text


def test_what_was_begun_in_a_round_waits_for_its_end(rounds):
    queue = waiting.Waiting()
    for _ in range(3):
        queue.begin(nothing, lambda result, error: None, rounds)

    queue.wake()

    assert queue.wait()
    assert len(queue.take()) == 3


def test_round_takes_only_its_own_whose_turn_it_is(rounds):
    queue = waiting.Waiting()
    queue.begin(nothing, lambda result, error: None, rounds)
    queue.run_later(nothing)
    queue.begin(nothing, lambda result, error: None, rounds)

    assert queue.first_is_of(rounds)
    assert len(queue.take(rounds)) == 1
    assert not queue.first_is_of(rounds)
    assert queue.take(rounds) == []
    assert len(queue.take()) == 2


def test_round_takes_nothing_of_another_threads_rounds(rounds):
    queue = waiting.Waiting()
    others = Rounds(lambda: None)
    queue.begin(nothing, lambda result, error: None, others)

    assert not queue.first_is_of(rounds)
    assert queue.take(rounds) == []
    assert len(queue.take(others)) == 1


def test_what_came_of_it_is_told_by_the_thread_that_began_and_it_is_woken():
    woken, told = [], []
    rounds, queue = Rounds(lambda: woken.append(True)), waiting.Waiting()
    queue.begin(nothing, lambda *outcome: told.append(outcome), rounds)
    (job,) = queue.take()

    job.settle("done")
    told_meanwhile = [*told]
    rounds.tell()

    assert told_meanwhile == []
    assert woken == [True]
    assert told == [("done", None)]


def test_rest_that_no_round_has_begun_needs_nobody_to_wake_the_writer():
    queue = waiting.Waiting()
    taken = []
    for _ in range(waiting.MAX_GROUP + 1):
        queue.run_later(nothing)

    def serve():
        while len(taken) <= waiting.MAX_GROUP and queue.wait():
            taken.extend(queue.take())

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    serving.join(PATIENCE_S)

    assert len(taken) == waiting.MAX_GROUP + 1


def test_who_began_is_told_that_the_writer_did_not_come_to_it_in_time(rounds):
    told = []
    queue = waiting.Waiting(begin_wait_s=0)
    queue.begin(nothing, lambda result, error: told.append(error), rounds)

    queue.give_up_old()
    rounds.tell()

    assert [error.detail for error in told] == ["the writer is busy or stuck"]
    assert queue.take() == []


def test_function_without_an_end_keeps_nobody_behind_it_waiting_for_longer(rounds):
    told = []
    queue = waiting.Waiting(begin_wait_s=0, commit_wait_s=PATIENCE_S)
    for name in ("stuck", "behind", "last"):
        queue.begin(nothing, lambda *_, name=name: told.append(name), rounds)
        if name == "stuck":
            queue.take()

    queue.give_up_old()
    rounds.tell()

    assert told == ["behind", "last"]


def test_who_began_is_told_once_when_a_commit_has_no_end(rounds):
    told = []
    queue = waiting.Waiting(begin_wait_s=0, commit_wait_s=0)
    queue.begin(nothing, lambda result, error: told.append(error), rounds)
    (job,) = queue.take()

    queue.give_up_old()
    job.settle("too late")
    queue.give_up_old()
    rounds.tell()

    assert [error.detail for error in told] == ["a commit has no end"]


def test_who_began_is_told_although_the_function_has_no_end(rounds):
    told = []
    queue = waiting.Waiting(begin_wait_s=0, commit_wait_s=0)

    def endless(tx):
        queue.give_up_old()
        rounds.tell()

    queue.begin(endless, lambda *outcome: told.append(outcome), rounds)
    (job,) = queue.take()

    job.run(None)

    assert [error.detail for _, error in told] == ["a commit has no end"]


def test_who_began_and_was_told_is_forgotten(rounds):
    told = []
    queue = waiting.Waiting(begin_wait_s=0)
    queue.begin(nothing, lambda result, error: told.append(result), rounds)
    (job,) = queue.take()

    job.settle("in time")
    queue.give_up_old()
    rounds.tell()

    assert told == ["in time"]


def test_bug_in_one_callers_answer_keeps_nobody_else_from_theirs(rounds, caplog):
    queue = waiting.Waiting()
    answers = []
    queue.begin(nothing, lambda result, error: 1 / 0, rounds)
    queue.begin(nothing, lambda result, error: answers.append(result), rounds)

    for job in queue.take():
        job.settle("done")
    rounds.tell()

    assert answers == ["done"]
    assert "nobody could be told" in caplog.text
