"""Log lines: one per event, with its request id, as text or as JSON."""

import contextvars
import io
import json
import logging
import re

import pytest

from authserver import logs

log = logging.getLogger("authserver.test")


@pytest.fixture
def stream(request):
    stream = io.StringIO()
    handler = logs.set_up(form=request.param, level="info", stream=stream)
    yield stream
    logs.take_down(handler)


TEXT = pytest.mark.parametrize("stream", ["text"], indirect=True)
JSON = pytest.mark.parametrize("stream", ["json"], indirect=True)


@pytest.fixture
def request_id():
    token = logs.request_id.set("5f0c")
    yield "5f0c"
    logs.request_id.reset(token)


@TEXT
def test_text_line_says_when_how_bad_where_and_for_whom(stream, request_id):
    log.warning("%d messages expired", 3)

    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 WARNING test 5f0c: (.*)\n"
    found = re.fullmatch(form, stream.getvalue())
    assert found
    assert found[1] == "3 messages expired"


@JSON
def test_json_line_says_the_same(stream, request_id):
    log.warning("%d messages expired", 3)

    entry = json.loads(stream.getvalue())
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "warning",
        "logger": "authserver.test",
        "request_id": "5f0c",
        "message": "3 messages expired",
    }


@TEXT
def test_outside_a_request_a_dash_stands_for_the_id(stream):
    contextvars.Context().run(log.info, "listening")

    assert " test -: listening\n" in stream.getvalue()


@TEXT
def test_what_is_below_the_level_is_not_written(stream):
    log.debug("detail")

    assert stream.getvalue() == ""


@TEXT
def test_traceback_is_indented_below_its_line(stream):
    try:
        raise ValueError("two\nlines \x1b[31m")
    except ValueError:
        log.exception("failed")

    first, *rest = stream.getvalue().splitlines()
    assert first.endswith(": failed")
    assert all(line.startswith("    ") for line in rest)
    assert rest[-1] == r"    lines \x1b[31m"


@JSON
def test_traceback_is_a_member_of_its_object(stream):
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("failed")

    entry = json.loads(stream.getvalue())
    assert entry["message"] == "failed"
    assert entry["traceback"].endswith("ValueError: two\nlines")


@TEXT
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("caf\u00e9", "caf\u00e9"),
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b\x85", r"\x9b\x85"),
        ("\u2028\u202e", r"\u2028\u202e"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_does_not_print_is_escaped(stream, text, written):
    log.info("%s", text)

    assert stream.getvalue().rstrip("\n").endswith(f": {written}")


def test_logging_of_the_program_around_is_left_alone(caplog):
    root = logging.getLogger()
    before = (root.level, list(root.handlers))

    handler = logs.set_up(form="text", level="debug", stream=io.StringIO())
    during = (root.level, list(root.handlers))
    logs.take_down(handler)
    log.warning("heard again")

    assert before == during
    assert handler not in logging.getLogger("authserver").handlers
    assert "heard again" in caplog.text


def test_standard_error_is_where_lines_go_by_default(capsys):
    handler = logs.set_up(form="text", level="info")
    log.info("listening")
    logs.take_down(handler)

    assert "listening" in capsys.readouterr().err


def test_wrong_call_is_told_in_the_log_and_nowhere_else(capsys):
    stream = io.StringIO()
    handler = logs.set_up(form="text", level="info", stream=stream)
    log.info("%d messages", "many")
    log.info("and on")
    logs.take_down(handler)

    wrong, after = stream.getvalue().splitlines()
    assert wrong.endswith("logs -: a log line cannot be formatted: '%d messages'")
    assert after.endswith(": and on")
    assert capsys.readouterr().err == ""


def test_lines_that_wait_keep_the_id_of_their_request(request_id):
    stream = io.StringIO()
    handler = logs.set_up(form="text", level="info", stream=stream)
    handler.writer.start()
    log.info("written by another thread")
    logs.take_down(handler)

    assert " test 5f0c: written by another thread\n" in stream.getvalue()


def test_level_of_the_program_around_holds_again():
    handler = logs.set_up(form="text", level="error", stream=io.StringIO())
    logs.take_down(handler)

    assert logging.getLogger("authserver").level == logging.NOTSET
