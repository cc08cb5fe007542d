"""The book of answered requests: counted and logged, by a thread of its own."""

import io
import json
import logging
import re
import threading

import pytest

from authserver import access, logs
from authserver.access import AccessBook
from authserver.metrics import Metrics
from tests.processes import GIVE_UP_S, wait_until

AT = 1_700_000_000.25
LOGIN = (AT, "192.0.2.7", "POST", "/login", "/auth/login", 200, 512, 0.0213, "5f0c")
REFUSED = (AT, "192.0.2.7", "", "", "", 400, 99, 0.0001, "a1b2")


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def book(metrics):
    book = AccessBook(metrics)
    yield book
    book.stop()


@pytest.fixture
def log(request):
    stream = io.StringIO()
    handler = logs.set_up(form=request.param, level="info", stream=stream)
    yield stream
    logs.take_down(handler)


TEXT = pytest.mark.parametrize("log", ["text"], indirect=True)
JSON = pytest.mark.parametrize("log", ["json"], indirect=True)


@pytest.fixture
def request_id():
    token = logs.request_id.set("5f0c")
    yield "5f0c"
    logs.request_id.reset(token)


BOTH = pytest.mark.parametrize("log", ["text", "json"], indirect=True)


# -- lines


@TEXT
def test_line_looks_like_any_other_of_its_request(log, book, request_id):
    book.note(LOGIN)
    book.work_up()
    logging.getLogger("authserver.access").info("192.0.2.7 POST /login 200 512 21.30")

    ours, usual = log.getvalue().splitlines()
    assert ours.startswith("2023-11-14T22:13:20+00:00 INFO    access 5f0c: ")
    assert ours.partition("+")[2] == usual.partition("+")[2]


@JSON
def test_object_has_the_usual_names_and_the_parts(log, book, request_id):
    book.note(LOGIN)
    book.work_up()
    logging.getLogger("authserver.access").info("192.0.2.7 POST /login 200 512 21.30")

    ours, usual = map(json.loads, log.getvalue().splitlines())
    assert ours.items() >= (usual | {"time": "2023-11-14T22:13:20+00:00"}).items()
    assert {name: ours[name] for name in ours.keys() - usual.keys()} == {
        "address": "192.0.2.7",
        "method": "POST",
        "path": "/login",
        "route": "/auth/login",
        "status": 200,
        "bytes": 512,
        "ms": 21.3,
    }


@TEXT
def test_what_never_became_a_request_has_dashes(log, book):
    book.note(REFUSED)
    book.work_up()

    assert log.getvalue().endswith(" access a1b2: 192.0.2.7 - - 400 99 0.10\n")


@BOTH
def test_each_second_has_its_own_time(log, book):
    book.note(LOGIN)
    book.note((AT + 1, *LOGIN[1:]))
    book.note(LOGIN)
    book.work_up()

    seconds = re.findall(r"22:13:(\d\d)\+", log.getvalue())
    assert seconds == ["20", "21", "20"]


@BOTH
@pytest.mark.parametrize("place", [1, 2, 3, 8])
@pytest.mark.parametrize(
    "odd", ["\n2023 INFO forged", "\r", "\x1b[2J", "\x9b", "\u2028", "\ud800", '"}\n{"']
)
def test_no_part_begins_a_line_or_leaves_its_string(log, book, place, odd):
    book.note(LOGIN)
    book.note((*LOGIN[:place], odd, *LOGIN[place + 1 :]))
    book.work_up()

    assert len(log.getvalue().splitlines()) == 2
    assert log.getvalue().replace("\n", "").isprintable()


@TEXT
def test_path_of_a_stranger_fills_neither_the_memory_nor_the_log(book, log):
    book.note((1.0, "192.0.2.7", "GET", "/" + "a" * 16_000, "", 404, 1, 0.1, "r"))
    book.work_up()

    assert len(log.getvalue()) < 700
    assert "aaa..." in log.getvalue()


@JSON
def test_quote_ends_no_string(log, book):
    odd = '", "level": "critical'
    book.note((AT, odd, odd, odd, odd, 200, 1, 0.1, odd))
    book.work_up()

    entry = json.loads(log.getvalue())
    assert entry["level"] == "info"
    assert [entry[name] for name in ("address", "method", "path", "route")] == [odd] * 4


def test_below_the_level_there_are_no_lines(book, metrics):
    stream = io.StringIO()
    handler = logs.set_up(form="text", level="warning", stream=stream)
    book.note(LOGIN)
    book.work_up()
    logs.take_down(handler)

    assert stream.getvalue() == ""
    assert metrics.value("requests", "/auth/login", "POST", "200") == 1


def test_program_around_gets_the_lines_in_its_own_log(book, caplog):
    caplog.set_level(logging.INFO)
    before = logs.request_id.get()

    book.note(LOGIN)
    book.work_up()

    assert logs.request_id.get() == before
    assert caplog.messages == ["192.0.2.7 POST /login 200 512 21.30"]


# -- counters


def test_requests_are_counted_by_route_method_and_status(book, metrics):
    for answered in (LOGIN, LOGIN, REFUSED):
        book.note(answered)
    book.work_up()

    assert metrics.value("requests", "/auth/login", "POST", "200") == 2
    assert metrics.value("requests", "", "", "400") == 1


def test_strangers_make_up_no_labels(book, metrics):
    for number in range(50):
        book.note((AT, "::1", f"M{number}", f"/{number}", "", 404, 9, 0.1, "0"))
    book.work_up()

    assert metrics.value("requests", "", "other", "404") == 50


# -- the thread


def test_started_it_works_without_being_asked(book, metrics):
    book.start()
    book.note(LOGIN)

    wait_until(
        lambda: metrics.value("requests", "/auth/login", "POST", "200"), "a count"
    )


def test_while_nothing_comes_it_sleeps_and_the_next_note_wakes_it(
    book, metrics, monkeypatch
):
    monkeypatch.setattr(access, "LOOK_S", 0.001)
    book.start()
    wait_until(lambda: book._asleep, "sleep")

    book.note(LOGIN)

    wait_until(
        lambda: metrics.value("requests", "/auth/login", "POST", "200"), "a count"
    )
    wait_until(lambda: book._asleep, "sleep again")


def test_note_of_the_moment_before_the_sleep_is_not_overslept(book):
    book.note(LOGIN)  # while it was still seen awake
    sleeper = threading.Thread(target=book._sleep, daemon=True)
    sleeper.start()
    sleeper.join(GIVE_UP_S)

    assert not sleeper.is_alive()


def test_stop_counts_what_was_noted_at_the_last_moment(book, metrics):
    book.start()
    for _ in range(1000):
        book.note(LOGIN)
    book.stop()

    assert metrics.value("requests", "/auth/login", "POST", "200") == 1000


def test_threads_that_note_and_work_up_at_once_lose_nothing(book, metrics):
    book.start()

    def client():
        for _ in range(500):
            book.note(LOGIN)
            book.work_up()

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    book.stop()

    assert metrics.value("requests", "/auth/login", "POST", "200") == 2000


def test_full_book_drops_and_says_how_many(book, metrics, monkeypatch, caplog):
    monkeypatch.setattr(access, "MAX_NOTED", 3)

    for _ in range(5):
        book.note(LOGIN)
    book.work_up()
    book.work_up()

    assert metrics.value("requests", "/auth/login", "POST", "200") == 3
    assert metrics.value("unnoted") == 2
    assert caplog.messages == ["2 requests were neither logged nor counted"]


def test_failure_of_one_slice_ends_nothing(book, metrics, monkeypatch, caplog):
    good = metrics.observe
    monkeypatch.setattr(metrics, "observe", None)
    book.start()
    book.note(LOGIN)
    wait_until(lambda: "some requests were not logged" in caplog.text, "the failure")

    monkeypatch.setattr(metrics, "observe", good)
    book.note(LOGIN)

    wait_until(
        lambda: metrics.value("requests", "/auth/login", "POST", "200") == 2, "a count"
    )
