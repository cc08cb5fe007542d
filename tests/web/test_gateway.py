"""The site as a WSGI application: what comes in, goes out, and is refused.

Nearly every call goes through the judge of PEP 3333 in the standard library.
"""

import io
import ipaddress
import json
from http import HTTPStatus
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from authserver.web.gateway import Gateway
from authserver.web.messages import Response

PROXY = (ipaddress.ip_network("10.0.0.0/8"),)


class Answer:
    """What a server got from the application."""

    def __init__(self, application, environ):
        self._begun = []
        parts = application(environ, self._begin)
        try:
            self.body = b"".join(parts)
        finally:
            parts.close()
        [(self.status, self.headers)] = self._begun

    def _begin(self, status, headers, exc_info=None):
        self._begun.append((int(status[:3]), dict(headers)))
        return lambda data: None

    @property
    def code(self):
        return json.loads(self.body)["code"]


@pytest.fixture
def ask(site, noted):
    """Return what calls the application with an environment of these parts."""
    gateway = Gateway(site, trusted_proxies=PROXY, note=noted.append)

    def ask(method="GET", path="/", body=b"", **more):
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": ""}
        environ["SCRIPT_NAME"] = ""
        setup_testing_defaults(environ)
        environ |= {"REMOTE_ADDR": "192.0.2.1", "wsgi.input": io.BytesIO(body)}
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        return Answer(validator(gateway), environ | more)

    return ask


# -- what comes in


def test_request_is_as_the_core_would_make_it(ask, site):
    ask(
        "POST",
        "/a",
        b"{}",
        QUERY_STRING="x=1",
        CONTENT_TYPE="application/json",
        HTTP_USER_AGENT="curl",
        HTTP_SEC_FETCH_SITE="none",
    )

    [request] = site.requests
    assert request[:3] == ("POST", "/a", "x=1")
    assert request.body == b"{}"
    assert request.address == "192.0.2.1"
    assert request.header("content-type") == "application/json"
    assert request.header("content-length") == "2"
    assert request.header("user-agent") == "curl"
    assert request.header("sec-fetch-site") == "none"


@pytest.mark.parametrize(
    ("info", "path"),
    [
        ("", "/"),
        ("/login", "/login"),
        ("/a b", "/a%20b"),
        ("/caf\u00c3\u00a9", "/caf%C3%A9"),
        ("/\r\nx", "/%0D%0Ax"),
        ("/%6c", "/%256c"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("//x", "//x"),
        ("*", "*"),
    ],
)
def test_path_has_one_spelling(site, info, path):
    environ = {"REQUEST_METHOD": "OPTIONS", "PATH_INFO": info}
    gateway = Gateway(site, trusted_proxies=(), note=lambda _: None)

    gateway(environ, lambda status, headers: lambda data: None)

    assert site.requests[0].path == path


def test_address_behind_a_trusted_proxy_is_the_clients(ask, site):
    ask(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.9")
    ask(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="203.0.113.9")

    addresses = [request.address for request in site.requests]
    assert addresses == ["203.0.113.9", "192.0.2.1"]


@pytest.mark.parametrize("peer", ["", "localhost"])
@pytest.mark.parametrize(
    ("proxies", "address"), [("127.0.0.1/32", "203.0.113.9"), (None, "127.0.0.1")]
)
def test_unix_socket_counts_as_this_machine(site, proxies, address, peer):
    trusted = (ipaddress.ip_network(proxies),) if proxies else ()
    gateway = Gateway(site, trusted_proxies=trusted, note=lambda _: None)
    environ = {"REQUEST_METHOD": "GET", "REMOTE_ADDR": peer}
    environ["HTTP_X_FORWARDED_FOR"] = "203.0.113.9"

    gateway(environ, lambda *_: lambda data: None)

    assert site.requests[0].address == address


def test_chunks_that_the_server_decoded_are_a_body(ask, site):
    ask(
        "POST",
        **{
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
            "wsgi.input": io.BytesIO(b"{}"),
        },
    )

    assert site.requests[0].body == b"{}"


# -- what is refused


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"CONTENT_LENGTH": "65537"}, 413, "body_too_large"),
        ({"CONTENT_LENGTH": "9" * 19}, 413, "body_too_large"),
        ({"CONTENT_LENGTH": "9" * 20}, 400, "malformed_request"),
        ({"CONTENT_LENGTH": "2, 2"}, 400, "malformed_request"),
        ({"CONTENT_LENGTH": "+2"}, 400, "malformed_request"),
        ({"CONTENT_LENGTH": "3"}, 400, "malformed_request"),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 501, "unknown_transfer_coding"),
        ({"REQUEST_METHOD": "CONNECT"}, 400, "malformed_request"),
        ({"REQUEST_METHOD": "G T"}, 400, "malformed_request"),
        ({"REQUEST_METHOD": "GET\r\nX"}, 400, "malformed_request"),
        ({"QUERY_STRING": "a b"}, 400, "malformed_request"),
        ({"QUERY_STRING": "a\nb"}, 400, "malformed_request"),
        ({"QUERY_STRING": "\u00e9"}, 400, "malformed_request"),
        ({"HTTP_HOST": "a.example.org@b"}, 400, "malformed_request"),
        ({"PATH_INFO": "*"}, 400, "malformed_request"),
    ],
)
def test_what_the_core_refuses_is_refused(site, noted, more, status, code):
    gateway = Gateway(site, trusted_proxies=(), note=noted.append)
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(b"{}")} | more
    begun = []

    [body] = gateway(environ, lambda *given: begun.append(given))

    assert (begun[0][0][:3], json.loads(body)["code"]) == (str(status), code)
    assert site.requests == []
    assert noted[0][5] == status


def test_chunks_without_end_are_not_read_to_it(ask, site):
    class Endless:
        def read(self, size):
            return b"x" * size

        def readline(self, size=0):
            return b""

        readlines = __iter__ = readline

    answer = ask(
        "POST",
        **{
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
            "wsgi.input": Endless(),
        },
    )

    assert answer.code == "body_too_large"


def test_client_that_leaves_is_an_early_end(ask):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError

    answer = ask("POST", **{"CONTENT_LENGTH": "2", "wsgi.input": Broken()})

    assert (answer.status, answer.code) == (400, "malformed_request")


# -- what goes out


def test_answer_is_the_cores_but_for_what_servers_add(ask, site):
    site.answers["/"] = lambda _: Response(
        HTTPStatus.CREATED, {"a": 1}, headers=(("X-A", "b"),)
    )

    answer = ask()

    assert (answer.status, answer.body) == (201, b'{"a":1}\n')
    assert answer.headers == {
        "Content-Type": "application/json",
        "Content-Length": "8",
        "X-A": "b",
    }


def test_two_cookies_are_two_headers(site):
    cookies = (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
    site.answers["/"] = lambda _: Response(HTTPStatus.OK, {}, headers=cookies)
    gateway = Gateway(site, trusted_proxies=(), note=lambda _: None)
    begun = []

    gateway({"REQUEST_METHOD": "GET"}, lambda *given: begun.append(given))

    assert [each for each in begun[0][1] if each[0] == "Set-Cookie"] == list(cookies)


def test_head_has_the_length_and_no_body(ask):
    whole, head = ask("GET"), ask("HEAD")

    assert head.headers == whole.headers
    assert (len(whole.body) > 0, head.body) == (True, b"")


def test_refused_head_has_no_body(ask):
    refused = ask("HEAD", CONTENT_LENGTH="65537")

    assert (refused.status, refused.body) == (413, b"")


def test_answer_without_content_has_no_type(ask, site):
    site.answers["/"] = lambda _: Response(HTTPStatus.NO_CONTENT)

    answer = ask()

    assert (answer.status, answer.headers, answer.body) == (204, {}, b"")


def test_line_break_in_a_header_is_a_bug_and_a_500(ask, site, caplog):
    site.answers["/"] = lambda _: Response(HTTPStatus.OK, {}, (("X-A", "b\r\nX-C: d"),))

    answer = ask()

    assert answer.status == 500
    assert "X-C" not in answer.headers
    assert "an answer could not be written" in caplog.text


def test_answer_is_noted(ask, site, noted):
    site.answers["/a"] = lambda _: Response(HTTPStatus.OK, {}, route="/canonical")

    ask("GET", "/a", QUERY_STRING="token=secret")

    [(_, *what, took_s, request_id)] = noted
    assert what == ["192.0.2.1", "GET", "/a", "/canonical", 200, 3]
    assert 0 <= took_s < 10
    assert request_id == site.requests[0].request_id


def test_proxy_that_nobody_named_is_told(ask, caplog):
    ask(HTTP_X_FORWARDED_FOR="203.0.113.9")

    assert "192.0.2.1 forwards requests and is not among TRUSTED_PROXIES" in (
        caplog.text
    )
