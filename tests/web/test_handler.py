"""One connection, as raw bytes at a real server: order, framing, refusals."""

import ipaddress
import logging
import re
import socket
import struct
import time
from http import HTTPStatus
from types import SimpleNamespace

import pytest

from authserver import logs
from authserver.web.connections import CLOSED, READING
from authserver.web.handler import Connection
from authserver.web.messages import Response
from tests.web.conftest import eventually

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*lines: bytes, body: bytes = b"", path: bytes = b"/") -> bytes:
    head = b"".join(line + b"\r\n" for line in lines)
    return b"POST %b HTTP/1.1\r\nHost: a\r\n%b\r\n%b" % (path, head, body)


def statuses(data: bytes) -> list[int]:
    """The status of each response in what a connection gave."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


# -- requests and answers


def test_request_reaches_the_site_and_its_answer_the_client(connection, site):
    connection.send(
        b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Y: z\r\n\r\nhello"
    )

    answer = connection.read(ends_with=b'{"path":"/a"}\n')

    request = site.requests[0]
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (request.method, request.path, request.query) == ("POST", "/a", "b=c")
    assert request.body == b"hello"
    assert request.header("x-y") == "z"
    assert request.address == "127.0.0.1"
    assert re.fullmatch("[0-9a-f]{16}", request.request_id)


def test_connection_serves_one_request_after_another(connection, site):
    for _ in range(3):
        connection.send(GET)
        connection.read(ends_with=b'{"path":"/"}\n')

    assert len(site.requests) == 3
    assert len({request.request_id for request in site.requests}) == 3


def test_pipelined_requests_are_answered_in_their_order(connection):
    paths = [b"/%d" % number for number in range(20)]

    connection.send(b"".join(GET.replace(b"/ ", path + b" ") for path in paths) + LAST)

    answers = connection.read_to_end()
    assert re.findall(rb'"path":"(.*?)"', answers) == [*paths, b"/last"]


@pytest.mark.parametrize("before", [b"", b"\r\n"])
def test_refused_head_has_no_body(connection, before):
    connection.send(before + b"HEAD / HTTP/1.1\r\n\r\n")  # without a Host

    head, end, body = connection.read_to_end().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert (end, body) == (b"\r\n\r\n", b"")


def test_byte_by_byte_is_read_like_all_at_once(connection, site):
    request = post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")

    for at in range(len(request)):
        connection.send(request[at : at + 1])
    connection.send(LAST)

    assert statuses(connection.read_to_end()) == [200, 200]
    assert site.requests[0].body == b"hello"


@pytest.mark.parametrize("pieces", [[b"\r\n"], [b"\r", b"\n"]], ids=["whole", "split"])
def test_line_end_behind_a_body_begins_no_request(serve, connect, site, pieces):
    connection = connect(serve(head_s=0.2))
    connection.send(post(b"Content-Length: 2", body=b"ab"))
    connection.read(ends_with=b'{"path":"/"}\n')
    for piece in pieces:
        connection.send(piece)
        time.sleep(0.5)  # longer than a head may take

    connection.send(GET)
    answer = connection.read(ends_with=b'{"path":"/"}\n')
    connection.send(b"\r\n")
    connection.socket.shutdown(socket.SHUT_WR)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert connection.read_to_end() == b""
    assert site.refused == []


def test_body_of_64_kib_is_read(connection, site):
    body = bytes(range(256)) * 256

    connection.send(post(b"Content-Length: 65536", body=body) + LAST)

    assert statuses(connection.read_to_end()) == [200, 200]
    assert site.requests[0].body == body


def test_site_sees_a_request_only_when_it_is_complete(connection, site):
    connection.send(post(b"Content-Length: 5", body=b"hell"))
    connection.send(b"")

    assert site.requests == []
    connection.send(b"o" + LAST)
    assert statuses(connection.read_to_end()) == [200, 200]


def test_each_response_is_one_write(connection, site):
    site.answers["/"] = lambda _: Response(HTTPStatus.OK, body=b"x" * 20_000)

    connection.send(GET)
    connection.socket.recv(1)
    first = connection.socket.recv(100_000, socket.MSG_PEEK)

    # All of it stands in the kernel once its first byte does: nothing follows.
    assert first.endswith(b"x" * 20_000)


def test_answer_larger_than_the_kernel_takes_arrives_whole(connection, site):
    size = 20_000_000
    site.answers["/last"] = lambda _: Response(HTTPStatus.OK, body=b"x" * size)

    connection.send(LAST)

    assert connection.read_to_end().count(b"x") == size


def test_head_gets_the_length_and_no_body(connection):
    connection.send(GET.replace(b"GET", b"HEAD") + LAST)

    answers = connection.read_to_end()

    assert statuses(answers) == [200, 200]
    assert b"Content-Length: 13\r\n\r\nHTTP/1.1" in answers


def test_options_of_the_whole_server_and_unknown_methods_reach_the_site(
    connection, site
):
    connection.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    connection.send(b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + LAST)
    connection.read_to_end()

    assert [request.method for request in site.requests] == ["OPTIONS", "BREW", "GET"]


def test_address_comes_from_a_trusted_proxy(serve, connect, site):
    server = serve(trusted_proxies=[ipaddress.ip_network("127.0.0.0/8")])
    connection = connect(server)

    connection.send(
        LAST.replace(b"Host: a", b"Host: a\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2")
    )
    connection.read_to_end()

    assert site.requests[0].address == "2.2.2.2"


def test_forwarded_address_from_anybody_is_not_believed(connection, site):
    connection.send(LAST.replace(b"Host: a", b"Host: a\r\nX-Forwarded-For: 2.2.2.2"))
    connection.read_to_end()

    assert site.requests[0].address == "127.0.0.1"


def test_proxy_that_nobody_named_is_told_once_in_the_log(serve, connect, caplog):
    server = serve()
    for _ in range(3):
        connection = connect(server)
        connection.send(LAST.replace(b"Host: a", b"Host: a\r\nForwarded: for=2.2.2.2"))
        connection.read_to_end()

    [sentence] = [each for each in caplog.messages if "TRUSTED_PROXIES" in each]
    assert sentence.startswith("127.0.0.1 forwards requests")


def test_line_about_such_a_proxy_has_the_id_of_its_request(serve, connect, site):
    server = serve()
    ids = []
    warning = SimpleNamespace(look=lambda *_: ids.append(logs.request_id.get()))
    server.shared.proxy_warning = warning
    connection = connect(server)

    connection.send(LAST)
    connection.read_to_end()

    assert ids == [site.requests[0].request_id]


# -- keep-alive


@pytest.mark.parametrize(
    ("request_bytes", "header"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"Connection: close\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"close\r\n"),
    ],
)
def test_last_request_closes_and_nothing_behind_it_is_answered(
    connection, request_bytes, header
):
    connection.send(request_bytes + SMUGGLED)

    answer = connection.read_to_end()

    assert statuses(answer) == [200]
    assert header in answer


def test_http_1_0_is_kept_when_it_asks(connection):
    connection.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer = connection.read(ends_with=b'{"path":"/"}\n')
    connection.send(LAST)

    assert b"Connection: keep-alive\r\n" in answer
    assert statuses(connection.read_to_end()) == [200]


def test_half_closed_client_still_gets_its_answers(connection):
    connection.send(GET + GET)
    connection.socket.shutdown(socket.SHUT_WR)

    assert statuses(connection.read_to_end()) == [200, 200]


# -- 100-continue


class Full:
    """A socket whose buffer takes so many bytes of what is sent."""

    def __init__(self, real, room):
        self._real, self._room = real, room

    def send(self, data):
        if not self._room:
            raise BlockingIOError
        return self._real.send(data[: self._room])

    def __getattr__(self, name):
        return getattr(self._real, name)


@pytest.mark.parametrize(("room", "state"), [(10, CLOSED), (0, READING)])
def test_half_a_continue_is_no_answers_beginning(server, room, state):
    near, far = socket.socketpair()
    driver = SimpleNamespace(have_answered=None)
    connection = Connection(Full(far, room), "192.0.2.1", server.shared, driver)
    with near, far:
        near.send(post(b"Content-Length: 5", b"Expect: 100-continue"))
        connection.ready()

    assert connection.state == state


def test_continue_is_sent_when_the_body_is_yet_to_come(connection, site):
    connection.send(post(b"Content-Length: 5", b"Expect: 100-continue"))

    assert connection.read(ends_with=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert site.requests == []
    connection.send(b"hello" + LAST)
    assert statuses(connection.read_to_end()) == [200, 200]
    assert site.requests[0].body == b"hello"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello"),
        post(b"Content-Length: 0", b"Expect: 100-continue"),
        post(
            b"Transfer-Encoding: chunked",
            b"Expect: 100-continue",
            body=b"5\r\nhello\r\n0\r\n\r\n",
        ),
    ],
)
def test_continue_is_not_sent_when_nothing_is_to_come(connection, request_bytes):
    connection.send(request_bytes + LAST)

    assert statuses(connection.read_to_end()) == [200, 200]


@pytest.mark.parametrize(
    ("line", "status"), [(b"Content-Length: 65537", 413), (b"X: y", 200)]
)
def test_continue_is_not_sent_for_a_head_that_is_refused(connection, line, status):
    connection.send(post(line, b"Expect: 100-continue"))
    connection.socket.shutdown(socket.SHUT_WR)

    assert statuses(connection.read_to_end()) == [status]


# -- refusals


@pytest.mark.parametrize(
    ("attack", "request_bytes", "status"),
    [
        ("bare LF", b"GET / HTTP/1.1\nHost: a\n\n", 400),
        ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
        ("folded header", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
        ("two lengths", post(b"Content-Length: 5", b"Content-Length: 0"), 400),
        (
            "length and coding",
            post(
                b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"
            ),
            400,
        ),
        (
            "space before the colon",
            post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
            400,
        ),
        (
            "chunk too long",
            post(b"Transfer-Encoding: chunked", body=b"1\r\nab\r\n"),
            400,
        ),
        (
            "trailer",
            post(b"Transfer-Encoding: chunked", body=b"0\r\nHost: b\r\n\r\n"),
            400,
        ),
        ("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("coding", post(b"Transfer-Encoding: gzip, chunked"), 501),
        ("version", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("expectation", post(b"Expect: a-pony"), 417),
        ("endless head", b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 17_000, 431),
        ("many headers", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        ("announced body", post(b"Content-Length: 65537"), 413),
        ("chunked body", post(b"Transfer-Encoding: chunked", body=b"10001\r\n"), 413),
    ],
)
def test_bytes_behind_a_refusal_are_never_answered(
    connection, site, attack, request_bytes, status
):
    connection.send(request_bytes + SMUGGLED)

    answer = connection.read_to_end()

    assert statuses(answer) == [status]
    assert b"Connection: close\r\n" in answer
    assert site.requests == []


def test_refusal_after_good_requests_leaves_their_answers(connection, site):
    connection.send(GET + b"GET  / HTTP/1.1\r\n\r\n" + SMUGGLED)

    assert statuses(connection.read_to_end()) == [200, 400]
    assert [request.path for request in site.requests] == ["/"]


def test_large_body_is_refused_before_a_byte_of_it_is_sent(connection):
    connection.send(post(b"Content-Length: 10000000"))

    assert connection.read(ends_with=b'"announced"}\n').startswith(b"HTTP/1.1 413 ")


def test_client_that_sends_on_still_reads_why_it_was_refused(connection):
    connection.send(post(b"Content-Length: 500000", body=b"x" * 500_000))

    assert statuses(connection.read_to_end()) == [413]


def test_client_that_sends_on_after_a_refusal_is_not_reset(connection):
    connection.send(post(b"Content-Length: 500000"))
    assert statuses(connection.read_to_end()) == [413]

    # A server that had closed for good would answer the first with a reset and
    # make the second an error.
    connection.send(b"x" * 1000)
    connection.send(b"x" * 1000)


def test_client_that_never_stops_sending_is_cut_off(serve, connect):
    connection = connect(serve(linger_s=0.1))
    connection.send(b"\0")

    connection.read(ends_with=b"}\n")

    with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
        connection.send(b"x" * 50_000_000)


@pytest.mark.parametrize(
    "part", [b"G", GET[:-2], post(b"Content-Length: 5", body=b"hell")]
)
def test_request_that_ends_early_is_told_so(connection, site, part):
    connection.send(part)
    connection.socket.shutdown(socket.SHUT_WR)

    assert statuses(connection.read_to_end()) == [400]
    assert site.refused[0].detail == "ended early"


def test_connection_without_a_request_closes_in_silence(connection, site):
    connection.socket.shutdown(socket.SHUT_WR)

    assert connection.read_to_end() == b""
    assert site.refused == []


# -- deadlines


@pytest.mark.parametrize(
    ("limits", "part"),
    [
        ({"head_s": 0.2}, b"GET / HTTP/1.1\r\nHost: a\r\nA: "),
        ({"body_s": 0.2}, post(b"Content-Length: 60000")),
        ({"body_s": 0.2}, post(b"Transfer-Encoding: chunked", body=b"ffff\r\n")),
    ],
)
def test_slow_client_of_row_r11_is_closed_however_it_dribbles(
    serve, connect, limits, part
):
    connection = connect(serve(linger_s=0.2, **limits))
    connection.send(part)
    connection.socket.settimeout(0.02)
    started, answer = time.monotonic(), b""

    while not answer and time.monotonic() - started < 5:
        connection.send(b"x")
        try:
            answer = connection.socket.recv(65536)
        except TimeoutError:
            continue

    assert statuses(answer) == [408]
    assert 0.15 < time.monotonic() - started < 2


@pytest.mark.parametrize("limits", [{"head_s": 0}, {"body_s": 0}])
def test_deadline_that_has_passed_is_not_waited_for(serve, connect, limits):
    connection = connect(serve(**limits))

    connection.send(post(b"Content-Length: 5")[: -2 if "head_s" in limits else None])

    assert connection.read(ends_with=b"}\n").startswith(b"HTTP/1.1 408 ")


def test_idle_connection_closes_in_silence(serve, connect):
    connection = connect(serve(idle_s=0.1))
    connection.send(GET)
    connection.read(ends_with=b'{"path":"/"}\n')

    assert connection.read_to_end() == b""


def test_reader_that_does_not_read_is_closed(serve, connect, site):
    site.answers["/"] = lambda _: Response(HTTPStatus.OK, body=b"x" * 20_000_000)
    server = serve(answer_s=0.1)
    connection = connect(server)
    connection.send(GET)
    connection.socket.recv(1)
    assert eventually(lambda: not any(server.driver.counts().values()))

    # What the kernel had taken arrives, the rest never does.
    assert len(connection.read_to_end()) < 20_000_000


# -- a site that breaks its promises


def broken(_request):
    raise RuntimeError("a bug")


def splitting(_request):
    return Response(HTTPStatus.OK, {}, (("Location", "/\r\nSet-Cookie: evil=1"),))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (broken, "GET /bug could not be answered"),
        (splitting, "the answer to GET /bug could not be written"),
    ],
)
def test_bug_of_the_site_is_a_bare_500(
    connection, server, connect, site, caplog, answer, told
):
    site.answers["/bug"] = answer

    connection.send(GET.replace(b"/ ", b"/bug ") + SMUGGLED)
    received = connection.read_to_end()

    assert statuses(received) == [500]
    assert received.endswith(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    assert b"evil" not in received
    assert told in caplog.text
    other = connect(server)
    other.send(LAST)
    assert statuses(other.read_to_end()) == [200]


def test_bug_in_a_refusal_is_a_bare_500(connection, site, monkeypatch, caplog):
    monkeypatch.setattr(site, "refuse", broken)

    connection.send(b"\0")

    assert statuses(connection.read_to_end()) == [500]
    assert "a refusal could not be written" in caplog.text


# -- the book of answered requests


def test_each_answer_is_noted_without_the_query(connection, site, noted):
    before = time.time()

    connection.send(LAST.replace(b"/last", b"/last?token=secret"))
    size = len(connection.read_to_end())

    [(began_at, *what, took_s, request_id)] = noted
    assert what == ["127.0.0.1", "GET", "/last", "", 200, size]
    assert request_id == site.requests[0].request_id
    assert before <= began_at <= began_at + took_s <= time.time()


def test_the_route_that_the_site_found_is_noted(connection, site, noted):
    site.answers["/last"] = lambda _: Response(HTTPStatus.OK, route="/canonical")

    connection.send(LAST)
    connection.read_to_end()

    assert noted[0][4] == "/canonical"


def test_refused_bytes_are_noted_and_not_quoted(connection, noted):
    connection.send(b"GET /\x1b[2J HTTP/1.1\r\n\r\n")
    size = len(connection.read_to_end())

    [(_, *what, took_s, request_id)] = noted
    assert what == ["127.0.0.1", "", "", "", 400, size]
    assert 0 <= took_s < 10
    assert len(request_id) == 16


def test_request_id_is_known_to_all_code_of_the_request(connection, site):
    seen = []
    site.answers["/last"] = lambda _: (
        seen.append(logs.request_id.get()) or Response(HTTPStatus.OK)
    )

    connection.send(LAST)
    connection.read_to_end()

    assert seen == [site.requests[0].request_id]


def test_small_answers_are_not_delayed(serve, connect, site):
    server = serve()
    connection = connect(server)
    started = time.monotonic()

    for _ in range(50):
        connection.send(GET)
        connection.read(ends_with=b'{"path":"/"}\n')

    # Nagle's algorithm with delayed acknowledgements would take 40 ms each.
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "part",
    [b"", b"G", GET[:-2], post(b"Content-Length: 5", body=b"h"), GET, b"\0", GET * 50],
)
def test_reset_at_any_stage_of_row_c23_harms_nobody_else(
    server, connect, site, caplog, part
):
    site.answers["/"] = lambda _: Response(HTTPStatus.OK, body=b"x" * 100_000)
    for _ in range(30):
        connection = connect(server)
        connection.send(part)
        connection.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        connection.close()

    survivor = connect(server)
    survivor.send(LAST)

    assert statuses(survivor.read_to_end()) == [200]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
