"""Dispatch: the order of its checks, the form of its answers, no exception."""

import json
import logging

import pytest

from authserver import errors, logs
from authserver.web import dispatch
from authserver.web.api import routes
from authserver.web.dispatch import Site
from authserver.web.messages import Request, Response
from tests.web.conftest import eventually

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
TABLE = [
    (route, path.replace("{id}", "some").replace("{code}", "not_found"))
    for route in routes.ROUTES
    for path in route.paths
]
PATHS = sorted({path for _, path in TABLE})
FOREIGN = {"origin": "https://evil.test"}


@pytest.fixture
def client(api):
    return api


class Broken:
    """A part with a bug."""

    reads_wait = False

    def __getattr__(self, name):
        raise RuntimeError(f"no {name} today")


class Full:
    """Hashing threads whose queue is full."""

    def submit(self, address, function, *args):
        raise errors.Unavailable("hashing queue")


@pytest.fixture
def broken(app, client):
    """The same client, of an app whose database has a bug."""
    return client._replace(site=Site(app._replace(database=Broken())))


# -- the order


def test_unknown_path_is_told_before_the_site_is_asked_for(client):
    answer = client.having(**FOREIGN).send("POST", "/nowhere", b"not JSON")

    assert answer.code == "not_found"


def test_wrong_method_is_told_before_the_site_is_asked_for(client):
    answer = client.having(**FOREIGN).send("PUT", "/login", b"not JSON")

    assert answer.code == "method_not_allowed"


def test_foreign_site_is_refused_before_the_body_is_read(client):
    answer = client.having(**FOREIGN).send("POST", "/login", b"not JSON")

    assert answer.code == "cross_site"


def test_kind_of_body_is_judged_before_the_body(client):
    answer = client.having(content_type="text/plain").send("POST", "/login", b"{")

    assert answer.code == "unsupported_media_type"


def test_bad_bodies_are_not_counted_by_the_limit(make_app, client, tmp_path):
    app = make_app(
        address_requests_per_minute=1, database_url=f"sqlite:///{tmp_path}/a.db"
    )
    one = client._replace(site=Site(app))

    codes = [one.post("/auth/refresh", refresh_token=0).code for _ in range(3)]
    codes += [one.post("/auth/refresh", refresh_token="x").code for _ in range(2)]

    assert codes == ["invalid_body"] * 3 + ["invalid_token", "too_many_requests"]


def test_limit_comes_before_the_endpoint(make_app, client, tmp_path):
    app = make_app(
        address_requests_per_minute=1, database_url=f"sqlite:///{tmp_path}/a.db"
    )
    client._replace(site=Site(app)).post("/auth/refresh", refresh_token="x")
    broken = client._replace(site=Site(app._replace(database=Broken())))

    answer = broken.post("/auth/refresh", refresh_token="x")

    assert answer.code == "too_many_requests"
    assert 60 <= int(answer.header("Retry-After")) <= 61


# -- the form


@pytest.mark.parametrize("path", ["/nowhere", *PATHS])
def test_every_answer_carries_the_security_headers(client, path):
    answers = [
        client.send(method, path)
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS")
    ]

    policy = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    wanted = {*dispatch.SECURITY_HEADERS, dispatch.HSTS} - {policy}
    policies = [policy_of(answer) for answer in answers]
    assert all(wanted <= set(answer.headers) for answer in answers)
    assert all({"default-src 'none'", "frame-ancestors 'none'"} <= p for p in policies)


def policy_of(answer):
    """The parts of the one policy that an answer has."""
    [policy] = [v for name, v in answer.headers if name == "Content-Security-Policy"]
    return set(policy.split("; "))


BYTES = {
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"\x16\x03\x01\x02\x00": 400,
    b"GET / HTTP/3.0\r\nHost: x\r\n\r\n": 505,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 17_000: 431,
    b"GET /" + b"a" * 17_000: 414,
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n": 413,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": 501,
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n": 417,
}


@pytest.mark.parametrize(("data", "status"), BYTES.items(), ids=BYTES.values())
def test_refusals_of_bytes_have_the_same_form(wire, data, status):
    received = wire.send(data)

    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    wanted = {f"{n}: {v}" for n, v in (*dispatch.SECURITY_HEADERS, dispatch.HSTS)}
    assert wanted | {"Content-Type: application/problem+json"} <= set(lines)
    problem = json.loads(body)
    assert problem.keys() == PROBLEM_MEMBERS
    assert f"X-Request-Id: {problem['request_id']}" in lines


def test_hsts_is_only_for_https(make_app, client, tmp_path):
    plain = make_app(
        public_url="http://localhost", database_url=f"sqlite:///{tmp_path}/a.db"
    )

    answer = client._replace(site=Site(plain)).get("/healthz")

    assert answer.header("Strict-Transport-Security") is None


@pytest.mark.parametrize("refusal", errors.every())
def test_every_refusal_is_a_problem_that_its_type_explains(app, client, refusal):
    said = ("f", errors.Complaint("c", "s"))
    error = refusal(*said) if refusal is errors.RuleBroken else refusal("s3cr3t")

    response = dispatch.refusal(app, error, "5f0c")

    payload = dict(response.payload)
    assert payload.pop("errors", []) == [fault._asdict() for fault in error.faults]
    assert response.content_type == "application/problem+json"
    assert response.status == payload["status"] == refusal.status
    assert (payload["title"], payload["code"]) == (refusal.status.phrase, refusal.code)
    assert payload["request_id"] == "5f0c"
    assert "s3cr3t" not in repr(response)
    explained = client.get(payload["type"].removeprefix("https://auth.example.org"))
    assert explained.payload["detail"] == payload["detail"]


def test_unauthorised_is_challenged_by_rfc_6750(client):
    nobody, forged = client.get("/auth/me"), client.bearer("x").get("/auth/me")
    wrong = client.post("/login", username="nobody", password="wrong")

    challenge = 'Bearer realm="authserver"'
    assert nobody.header("WWW-Authenticate") == challenge
    assert wrong.header("WWW-Authenticate") == challenge
    assert forged.header("WWW-Authenticate") == f'{challenge}, error="invalid_token"'


def test_faults_name_the_fields(client):
    answer = client.post("/login", password=5)

    assert [fault["field"] for fault in answer.payload["errors"]] == [
        "identifier",
        "password",
    ]


def test_request_id_is_ours_and_new_each_time(client):
    guest = client.having(x_request_id="chosen")
    ids = {guest.get("/healthz").header("X-Request-Id") for _ in range(3)}

    assert len(ids) == 3
    assert "chosen" not in ids


# -- what goes wrong inside


def test_a_bug_is_a_bare_500_with_the_id_that_finds_it(broken, caplog):
    answer = broken.post("/auth/refresh", refresh_token="s3cr3t")

    assert (answer.status, answer.code) == (500, "internal_error")
    assert answer.payload.keys() == PROBLEM_MEMBERS
    assert answer.payload["request_id"] == answer.header("X-Request-Id")
    assert "today" not in repr(answer)
    assert "RuntimeError: no read_once today" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_a_bug_on_a_hashing_thread_is_the_same(broken, caplog):
    answer = broken.post("/login", username="alice", password="s3cr3t")

    assert answer.code == "internal_error"
    assert "no transaction today" in caplog.text


class Refusing:
    """A part that refuses in a way that the route does not know of."""

    def hash(self, password):
        raise errors.SessionActive("made up")


LATE = {
    "in steps": ("/auth/refresh", {"refresh_token": "a" * 43}),
    "hashed": ("/login", {"identifier": "alice", "password": "not hers"}),
}


@pytest.mark.parametrize(("path", "body"), LATE.values(), ids=LATE)
def test_a_bug_in_an_answer_that_comes_late_leaves_nobody_waiting(
    app, path, body, caplog
):
    answers: list[Response] = []
    json_type = {"content-type": "application/json"}
    request = Request(
        "POST", path, "", json_type, json.dumps(body).encode(), "192.0.2.1", "5f0c"
    )
    app.database.end_round()
    site = Site(app._replace(metrics=Broken()))

    site.answer(request, answers.append, in_steps=True)

    assert eventually(lambda: app.database.end_round() or answers)
    assert [int(answer.status) for answer in answers] == [500]
    assert "could not go on" in caplog.text


def test_an_undeclared_refusal_is_told_to_whoever_reads_the_log(app, client, caplog):
    site = Site(app._replace(hasher=Refusing()))
    other = client._replace(site=site, documented=False)

    answer = other.post(
        "/register", username="bob", email="b@example.org", password="a good phrase"
    )

    assert answer.code == "session_active"
    told = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert told == ["/register raised undeclared session_active"]


def test_a_declared_refusal_is_not_an_error(client, caplog):
    caplog.set_level(logging.INFO)

    client.get("/auth/me")

    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize(("route", "path"), TABLE)
def test_no_route_refuses_in_a_way_it_does_not_declare(
    client, logged_in, caplog, route, path
):
    body = {each.name: each.example for each in route.body}
    without = [body | {name: None} for name in body]
    wrong = [{k: v for k, v in body.items() if k != name} for name in body]
    bodies = [json.dumps(each).encode() for each in ({}, body, *without, *wrong)]
    cookie = f"__Host-session={logged_in.cookies['__Host-session']}"
    people = [
        client,
        client.having(cookie=cookie),
        client.having(cookie="__Host-session=ended"),
        client.having(cookie=f"{cookie}; {cookie}"),
        client.bearer("forged"),
        client.having(authorization="Basic YTpi"),
    ]

    answers = [
        person.send(route.method, path, content)
        for person in people
        for content in bodies
    ]

    declared = {refusal.code for refusal in route.raises}
    refused = {each.code for each in answers if each.status >= 400}
    assert refused <= declared | {"too_many_requests"}
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


def test_every_refusal_is_counted(app, client):
    client.get("/healthz")
    client.get("/nowhere")

    assert app.metrics.value("refused", "not_found") == 1


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/healthz", "/healthz"),
        ("HEAD", "/healthz", "/healthz"),
        ("POST", "/login", "/auth/login"),
        ("DELETE", "/sessions/0", "/sessions/{id}"),
        ("GET", "/nowhere", ""),
        ("DELETE", "/healthz", ""),
        ("OPTIONS", "*", ""),
    ],
)
def test_answer_names_the_canonical_path_of_its_route(app, method, path, route):
    request = Request(method, path, "", {}, b"", "192.0.2.1", "5f0c")

    assert Site(app).respond(request).route == route


def test_path_parameters_reach_the_endpoint_as_sent(client):
    assert client.get("/problems/not_found").payload["code"] == "not_found"
    assert client.get("/problems/%6eot_found").status == 404
    assert client.get("/problems/a/not_found").status == 404


def test_login_by_code_needs_no_hashing_thread(app, client):
    full = app._replace(hashing=Full())
    login = client._replace(site=Site(full)).post

    by_code = login("/login", identifier="alice", otp="123456")
    by_password = login("/login", identifier="alice", password="whatever it is")

    assert (by_code.status, by_password.status) == (401, 503)


def test_compressed_body_is_refused(client):
    answer = client.having(content_encoding="gzip").post("/auth/logout", a="b")

    assert (answer.status, answer.code) == (415, "unsupported_content_coding")
    assert ("Accept-Encoding", "identity") in answer.headers


def test_request_that_is_turned_down_can_be_read_by_an_allowed_page(make_app):
    origin = "https://app.example.org"
    site = Site(make_app(allowed_origins=origin))
    request = Request("GET", "/auth/me", "", {"origin": origin}, b"", "192.0.2.1", "1")

    response = site.turn_down(request, errors.Unavailable("no thread"))

    assert response.status == 503
    assert ("Access-Control-Allow-Origin", origin) in response.headers


def test_who_does_not_speak_tls_is_told_nothing_about_tls_to_come(app):
    # RFC 6797 section 7.2: the header must not be sent over plain HTTP.
    site = Site(app)

    plain = site.refuse(errors.TlsExpected(""), "id")
    others = site.refuse(errors.MalformedRequest(""), "id")

    assert dispatch.HSTS not in plain.standing
    assert dispatch.HSTS in others.standing


def test_lines_about_a_request_that_was_hashed_have_its_id(client, caplog):
    caplog.set_level(logging.INFO)
    ids = []
    caplog.handler.addFilter(lambda _: not ids.append(logs.request_id.get()))

    answer = client.post("/auth/login", identifier="nobody", password="wrong password")

    assert ids == [answer.payload["request_id"]]
