"""Threads for requests: a bug in one job ends no thread."""

import math
import queue
import threading
import time

from authserver.web.request_threads import Job, RequestThreads
from tests.web.conftest import eventually


def job(run, *, begin_in_s: float = 60.0, give_up=lambda: None) -> Job:
    return Job(time.monotonic() + begin_in_s, run, give_up)


def test_thread_survives_a_job_that_raises(caplog):
    threads = RequestThreads(1, clock=time.monotonic)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    threads.put(job(lambda: 1 / 0))
    threads.put(job(lambda: answers.put("served")))

    assert answers.get(timeout=60) == "served"
    assert "ZeroDivisionError" in caplog.text
    threads.close(60)


def test_bug_while_giving_up_one_job_keeps_the_next_from_nothing():
    threads = RequestThreads(0, clock=time.monotonic)
    given_up = []
    threads.put(job(print, begin_in_s=0, give_up=lambda: 1 / 0))
    threads.put(job(print, begin_in_s=0, give_up=lambda: given_up.append("second")))

    threads.give_up_old(time.monotonic() + 1)

    assert given_up == ["second"]


def test_what_is_given_up_lets_go_of_what_it_held():
    threads = RequestThreads(0, clock=time.monotonic)
    held = job(lambda password="correct horse": password, begin_in_s=0)
    threads.put(held)

    threads.give_up_old(time.monotonic() + 1)

    assert held.run is held.give_up
    assert len(threads) == 0


def test_one_after_the_other_takes_a_single_thread():
    threads = RequestThreads(32, clock=time.monotonic)
    names: queue.SimpleQueue[str] = queue.SimpleQueue()

    for _ in range(100):
        threads.put(job(lambda: names.put(threading.current_thread().name)))
        assert names.get(timeout=60) == "request-1"

    threads.close(60)


def test_who_waits_for_longer_gets_a_thread_of_his_own():
    threads = RequestThreads(2, clock=time.monotonic)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    hanging = threading.Event()
    threads.put(job(lambda: hanging.wait(60)))
    assert eventually(lambda: not len(threads))
    threads.put(job(lambda: answers.put("served")))

    assert threads.grows_at < time.monotonic() + 1
    threads.grow(threads.grows_at)

    assert answers.get(timeout=60) == "served"
    assert threads.grows_at == math.inf  # no more than two
    hanging.set()
    threads.close(60)


def test_no_thread_is_started_while_one_has_nothing_to_do():
    threads = RequestThreads(2, clock=time.monotonic)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    threads.put(job(lambda: answers.put("served")))
    answers.get(timeout=60)
    # It has not been seen by the one that is there, which has no core yet.
    waiting = job(print)
    waiting.put_at = 0.0
    threads._by_age.append(waiting)
    assert eventually(lambda: not threads._at_work)

    threads.grow(threads.grows_at)

    assert len(threads._threads) == 1
    threads.close(60)


def test_system_without_threads_is_asked_for_one_rarely(monkeypatch, caplog):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    threads = RequestThreads(2, clock=time.monotonic)
    threads.put(job(print))

    assert threads.grows_at > time.monotonic() + 0.5
    assert "no thread for a request" in caplog.text
