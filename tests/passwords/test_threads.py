"""Hashing has its own few threads, a bounded queue, and gives answers back."""

import contextvars
import functools
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from authserver import errors
from authserver.passwords.threads import HashingThreads

REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")
PATIENCE_S = 10  # a test that waits longer has failed


class Gate:
    """A job that runs until it is opened, and tells when it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.begun.release()
        assert self.opened.wait(PATIENCE_S)
        return threading.current_thread().name


def run(hashing, address, function, *args, **kwargs):
    """Wait for what comes of it, as a program of one thread would."""
    future = hashing.submit(address, function, *args, **kwargs)
    try:
        return future.result()
    finally:
        del future  # which the exception would hold in a circle


class Crowd:
    """Callers in threads of their own, as requests are."""

    def __init__(self, hashing: HashingThreads, pool: ThreadPoolExecutor) -> None:
        self.hashing = hashing
        self.pool = pool

    def call(self, address: str, function: Callable[[], str]) -> "Future[str]":
        return self.pool.submit(run, self.hashing, address, function)

    def until_waiting(self, count: int, *, running: int = 2) -> None:
        """Return once `count` jobs wait behind those that run."""
        deadline = time.monotonic() + PATIENCE_S
        while (self.hashing.waiting, self.hashing.running) != (count, running):
            assert time.monotonic() < deadline


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def hashing() -> Iterator[HashingThreads]:
    hashing = HashingThreads(threads=2, max_waiting=3, max_per_address=4)
    yield hashing
    hashing.close()


@pytest.fixture
def crowd(hashing, gate) -> Iterator[Crowd]:
    with ThreadPoolExecutor(32) as pool:
        yield Crowd(hashing, pool)
        gate.opened.set()


def fail(error: BaseException) -> None:
    raise error


def test_function_runs_on_a_daemon_thread_and_its_result_comes_back(hashing):
    thread = run(hashing, "a", threading.current_thread)

    assert thread.name == "hashing-1"
    assert thread.daemon


def test_arguments_are_passed_on(hashing):
    assert run(hashing, "a", int, "ff", base=16) == 255


@pytest.mark.parametrize("kind", [ValueError, errors.InvalidCredentials, SystemExit])
def test_exception_is_raised_in_the_caller(hashing, kind):
    error = kind("reason")

    with pytest.raises(kind, match="reason") as caught:
        run(hashing, "a", fail, error)

    assert caught.value is error


def test_thread_survives_what_a_function_raises(hashing):
    for _ in range(5):
        with pytest.raises(SystemExit):
            run(hashing, "a", fail, SystemExit())

    assert run(hashing, "a", int, "7") == 7


def test_function_runs_in_the_callers_context(hashing):
    token = REQUEST_ID.set("the caller's")
    try:
        assert run(hashing, "a", REQUEST_ID.get) == "the caller's"
    finally:
        REQUEST_ID.reset(token)


def test_no_thread_starts_before_the_first_job():
    before = threading.active_count()

    HashingThreads(threads=8)

    assert threading.active_count() == before


def test_one_caller_at_a_time_needs_one_thread(hashing):
    names = {
        run(hashing, "a", lambda: threading.current_thread().name) for _ in range(20)
    }

    assert names == {"hashing-1"}


def test_as_many_jobs_run_at_once_as_there_are_threads(crowd, gate):
    answers = [crowd.call(f"address-{number}", gate) for number in range(4)]

    assert gate.begun.acquire(timeout=PATIENCE_S)
    assert gate.begun.acquire(timeout=PATIENCE_S)
    crowd.until_waiting(2)
    assert not gate.begun.acquire(blocking=False)
    gate.opened.set()

    names = {answer.result(PATIENCE_S) for answer in answers}
    assert names <= {"hashing-1", "hashing-2"}


def test_full_queue_refuses_at_once(crowd, gate):
    answers = [crowd.call(f"address-{number}", gate) for number in range(5)]
    crowd.until_waiting(3)

    with pytest.raises(errors.Unavailable, match="full"):
        run(crowd.hashing, "one more", int)

    gate.opened.set()
    assert all(answer.result(PATIENCE_S) for answer in answers)
    assert run(crowd.hashing, "one more", int) == 0


def test_one_address_cannot_fill_the_queue(crowd, gate):
    answers = [crowd.call("greedy", gate) for _ in range(4)]
    crowd.until_waiting(2)

    with pytest.raises(errors.Unavailable, match="share"):
        run(crowd.hashing, "greedy", int)
    modest = crowd.call("modest", gate)
    crowd.until_waiting(3)

    gate.opened.set()
    assert all(answer.result(PATIENCE_S) for answer in (*answers, modest))


def test_place_is_free_before_the_answer_is_there(hashing, monkeypatch):
    # The other way round, a client would sometimes be refused for coming back.
    inside = []
    real = Future.set_result

    def set_result(future: "Future[int]", result: int) -> None:
        inside.append(hashing._by_address.total())
        real(future, result)

    monkeypatch.setattr(Future, "set_result", set_result)
    run(hashing, "a", int)

    assert inside == [0]


def test_place_is_free_after_an_exception_too():
    hashing = HashingThreads(threads=1, max_waiting=0, max_per_address=1)

    for _ in range(100):
        with pytest.raises(ValueError, match="reason"):
            run(hashing, "a", fail, ValueError("reason"))

    hashing.close()


def test_addresses_are_forgotten_once_served(hashing):
    for number in range(100):
        run(hashing, f"address-{number}", int)

    assert not hashing._by_address


def test_first_come_first_served(gate):
    hashing = HashingThreads(threads=1)
    served = []
    with ThreadPoolExecutor(8) as pool:
        crowd = Crowd(hashing, pool)
        crowd.call("blocker", gate)
        assert gate.begun.acquire(timeout=PATIENCE_S)
        for number in range(5):
            crowd.call(f"w-{number}", functools.partial(served.append, number))
            crowd.until_waiting(number + 1, running=1)
        gate.opened.set()
    hashing.close()

    assert served == [0, 1, 2, 3, 4]


def test_close_ends_the_threads(hashing):
    before = threading.active_count()
    run(hashing, "a", int)

    hashing.close()

    assert threading.active_count() == before


def test_closed_threads_refuse_and_may_be_closed_again(hashing):
    hashing.close()
    hashing.close()

    with pytest.raises(errors.Unavailable, match="are closed"):
        run(hashing, "a", int)


def test_close_finishes_what_runs_and_refuses_what_waits(crowd, gate):
    running = [crowd.call(f"running-{number}", gate) for number in range(2)]
    for _ in running:
        assert gate.begun.acquire(timeout=PATIENCE_S)
    waiting = crowd.call("waiting", gate)
    crowd.until_waiting(1)

    closing = threading.Thread(target=crowd.hashing.close)
    closing.start()
    with pytest.raises(errors.Unavailable, match="closed while waiting"):
        waiting.result(PATIENCE_S)
    assert closing.is_alive()
    gate.opened.set()
    closing.join(PATIENCE_S)

    assert not closing.is_alive()
    assert all(answer.result(PATIENCE_S) for answer in running)


def test_system_without_threads_is_unavailable(hashing, monkeypatch):
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)

    with pytest.raises(errors.Unavailable, match="cannot start"):
        run(hashing, "a", int)

    monkeypatch.undo()
    assert run(hashing, "a", int) == 0


class Secret:
    """Stands for a password: something whose end can be watched."""

    def refuse(self) -> None:
        raise ValueError("wrong")


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without it, a circle of references keeps what it holds."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_password_is_freed_after_the_answer(hashing):
    secret = Secret()
    gone = weakref.ref(secret)

    run(hashing, "a", id, secret)
    run(hashing, "a", int)  # so that the thread has moved on
    del secret

    assert gone() is None


@pytest.mark.usefixtures("no_collector")
def test_password_is_freed_after_an_exception(hashing):
    secret = Secret()
    gone = weakref.ref(secret)

    with pytest.raises(ValueError, match="wrong") as caught:
        run(hashing, "a", secret.refuse)
    run(hashing, "a", int)
    del secret, caught

    assert gone() is None
