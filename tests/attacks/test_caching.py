"""Cached answers: the next user of the browser, or of the proxy, gets mine.

oauth2-proxy let its login page be cached and left cookies behind
(CVE-2026-34454). Every answer, also a refusal and also to bytes that are no
request, forbids storing; logging out makes the browser forget its cookie.
"""

import pytest

from authserver.web.api.routes import ROUTES

SESSION = "__Host-session"
PATHS = [
    (route.method, path.replace("{id}", "some").replace("{code}", "not_found"))
    for route in ROUTES
    for path in route.paths
]


def storable(answer):
    values = [value for name, value in answer.headers if name == "Cache-Control"]
    hints = [answer.header(name) for name in ("ETag", "Last-Modified", "Expires")]
    return values != ["no-store"] or any(hints)


@pytest.mark.parametrize("method", ["as routed", "HEAD", "OPTIONS", "PUT"])
def test_no_answer_of_any_route_may_be_stored(client, logged_in, method):
    clients = [client, client.cookie(SESSION, logged_in.cookies[SESSION])]
    answers = [
        each.send(own if method == "as routed" else method, path)
        for each in clients
        for own, path in PATHS
    ]

    assert not any(storable(answer) for answer in answers)


def test_neither_may_an_answer_with_tokens(client, logged_in):
    refreshed = client.post(
        "/auth/refresh", refresh_token=logged_in.payload["refresh_token"]
    )

    assert refreshed.status == 200
    assert not storable(refreshed)
    assert not storable(logged_in)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 17_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", 413),
    ],
)
def test_no_refusal_of_bytes_may_be_stored(wire, data, status):
    received = wire.send(data)

    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert received.count(b"\r\nCache-Control: no-store\r\n") == 1


def test_an_internal_error_may_not_be_stored(app, client):
    app.database.close()

    answer = client.get("/readyz")

    assert answer.status == 503
    assert not storable(answer)


@pytest.mark.parametrize("everywhere", [True, False])
def test_logout_makes_the_browser_forget(client, logged_in, everywhere):
    browser = client.cookie(SESSION, logged_in.cookies[SESSION])

    answer = browser.post("/auth/logout", everywhere=everywhere)

    cookie = answer.header("Set-Cookie")
    assert cookie == (
        f"{SESSION}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"
    )


def test_logout_of_an_ended_session_makes_the_browser_forget_too(client, logged_in):
    browser = client.cookie(SESSION, logged_in.cookies[SESSION])
    browser.post("/auth/logout")

    again = browser.post("/auth/logout")

    assert (again.status, again.cookies) == (200, {SESSION: ""})
