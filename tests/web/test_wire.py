"""Responses as bytes: framing is ours, and no value can add a header."""

import json
import re
from http import HTTPStatus

import pytest

from authserver.web import wire
from authserver.web.messages import Response

OK = HTTPStatus.OK


def head_and_body(data: bytes) -> tuple[list[str], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), body


def test_response_is_status_headers_and_body():
    response = Response(OK, {"status": "ok"}, (("X-Request-Id", "5f0c"),))

    lines, body = head_and_body(wire.encode(response, keep_alive=True))

    assert lines[0] == "HTTP/1.1 200 OK"
    assert re.fullmatch(
        r"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", lines[1]
    )
    assert lines[2:] == [
        "Server: authserver",
        "Content-Type: application/json",
        "Content-Length: 16",
        "X-Request-Id: 5f0c",
    ]
    assert body == b'{"status":"ok"}\n'


def test_payload_is_ascii_whatever_it_holds():
    payload = {"name": "\u00e4\u2028\ud800<\U0001f600"}

    _, body = head_and_body(wire.encode(Response(OK, payload), keep_alive=True))

    assert body.isascii()
    assert json.loads(body) == payload


def test_body_without_payload_is_sent_as_it_stands():
    response = Response(OK, body=b"<p>\xff", content_type="text/html; charset=utf-8")

    lines, body = head_and_body(wire.encode(response, keep_alive=True))

    assert "Content-Type: text/html; charset=utf-8" in lines
    assert "Content-Length: 4" in lines
    assert body == b"<p>\xff"


def test_answer_to_head_announces_the_body_and_leaves_it_out():
    whole = wire.encode(Response(OK, {"a": 1}), keep_alive=True)

    short = wire.encode(Response(OK, {"a": 1}), keep_alive=True, head_only=True)

    assert whole == short + b'{"a":1}\n'


@pytest.mark.parametrize("status", [HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED])
def test_status_without_content_has_neither_body_nor_length(status):
    lines, body = head_and_body(
        wire.encode(Response(status, {"a": 1}), keep_alive=True)
    )

    assert body == b""
    assert not [line for line in lines if line.startswith("Content-")]


@pytest.mark.parametrize(
    ("minor", "keep_alive", "connection"),
    [
        (1, True, []),
        (1, False, ["Connection: close"]),
        (0, True, ["Connection: keep-alive"]),
        (0, False, ["Connection: close"]),
    ],
)
def test_connection_header_says_what_the_version_does_not(
    minor, keep_alive, connection
):
    lines, _ = head_and_body(
        wire.encode(Response(OK), minor=minor, keep_alive=keep_alive)
    )

    assert [line for line in lines if line.startswith("Connection")] == connection


def test_same_header_may_be_sent_twice():
    cookies = (("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"))

    lines, _ = head_and_body(
        wire.encode(Response(OK, headers=cookies), keep_alive=True)
    )

    assert lines[-2:] == ["Set-Cookie: a=b", "Set-Cookie: c=d"]


@pytest.mark.parametrize(
    "text",
    ["/x\r\nSet-Cookie: evil=1", "\r\n\r\n<p>", "a\rb", "a\nb", "a\0b", "\r", "\n"],
)
@pytest.mark.parametrize("place", ["name", "value", "content type"])
def test_response_splitting_of_row_c13_is_never_written(text, place):
    response = {
        "name": Response(OK, headers=((text, "a"),)),
        "value": Response(OK, headers=(("Location", text),)),
        "content type": Response(OK, content_type=text),
    }[place]

    with pytest.raises(ValueError, match="line break or NUL"):
        wire.encode(response, keep_alive=True)


@pytest.mark.parametrize("text", ["\u20ac", "\u010d\u010a", "\ud800"])
def test_header_outside_latin_1_is_never_written(text):
    # The low bytes of U+010D and U+010A are CR and LF.
    with pytest.raises(UnicodeEncodeError):
        wire.encode(Response(OK, headers=(("A", text),)), keep_alive=True)


@pytest.mark.parametrize(
    "name",
    ["Content-Length", "transfer-encoding", "Connection", "DATE", "Server"],
)
def test_framing_is_not_for_the_site_to_write(name):
    with pytest.raises(ValueError, match="written by the HTTP core"):
        wire.encode(Response(OK, headers=((name, "1"),)), keep_alive=True)


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": b"b"}])
def test_payload_that_is_not_json_is_a_bug(payload):
    with pytest.raises((ValueError, TypeError)):
        wire.encode(Response(OK, payload), keep_alive=True)
