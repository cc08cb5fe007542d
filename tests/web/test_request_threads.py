"""Threads for requests: a bug in one job ends no thread."""

import queue
import time

from authserver.web.request_threads import Job, RequestThreads


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
