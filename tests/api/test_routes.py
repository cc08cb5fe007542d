"""Every route: the refusals that all share."""

import json

import pytest

from authserver import errors
from authserver.web.api import routes
from authserver.web.api.route import MEMORY, WAIT
from authserver.web.api.routes import ROUTES

# What a body needs beside the required fields to reach the database.
MORE = {
    "/auth/register": {"email": "bob@example.org"},
    "/verify/confirm": {"token": "no-real-token"},
    "/auth/login": {"otp": "123456"},
    "/auth/contacts": {"email": "bob@example.org"},
    "/auth/password/reset": {"token": "no-real-token"},
}


def each_of(some):
    return pytest.mark.parametrize(
        "route", some, ids=lambda route: f"{route.method} {route.paths[0]}"
    )


changing = each_of([route for route in ROUTES if route.method != "GET"])
limited = each_of([route for route in ROUTES if route.limited])
logged_in_only = each_of(
    [route for route in ROUTES if errors.NotAuthenticated in route.refusals]
)


def example(route):
    """A body that names each field needed, and passes no check behind that."""
    needed = {field.name: field.example for field in route.body if field.required}
    return needed | MORE.get(route.paths[0], {})


@changing
def test_page_of_another_site_is_refused(client, route):
    stranger = client.having(origin="https://evil.example")

    answer = stranger.send(route.method, route.paths[0], b"{}")

    assert (answer.status, answer.code) == (403, "cross_site")


@changing
def test_form_and_bare_list_are_refused(client, route):
    form = client.having(content_type="application/x-www-form-urlencoded")

    typed = form.send(route.method, route.paths[0], b"a=b")
    listed = client.send(route.method, route.paths[0], b"[]")

    assert (typed.status, typed.code) == (415, "unsupported_media_type")
    assert (listed.status, listed.code) == (400, "invalid_body")


@limited
@pytest.mark.parametrize("app", [{"address_requests_per_minute": 1}], indirect=True)
def test_second_costly_request_of_a_minute_waits(client, route):
    client.post(route.paths[0], **example(route))

    answer = client.post(route.paths[0], **example(route))
    elsewhere = client.at("192.0.2.2").post(route.paths[0], **example(route))

    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert answer.header("Retry-After") == "61"  # 60 s, rounded up
    assert elsewhere.status != 429


@limited
def test_database_that_is_away_is_503_and_never_401(app, client, route):
    app.database.close()
    browser = client.cookie("__Host-session", "x")

    answer = browser.post(route.paths[0], **example(route))

    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.header("Retry-After") == "2"


def ask(client, route):
    """Send the example to the route's canonical path."""
    body = json.dumps(example(route)).encode() if route.body else b""
    return client.send(route.method, route.paths[0].replace("{id}", "x"), body)


@logged_in_only
def test_our_cookie_twice_is_refused(client, route):
    planted = client.having(cookie="__Host-session=a; __Host-session=b")

    answer = ask(planted, route)

    assert (answer.status, answer.code) == (400, "malformed_request")


@logged_in_only
def test_database_that_is_away_logs_nobody_out(app, client, logged_in, route):
    app.database.close()

    answer = ask(client.bearer(logged_in.payload["access_token"]), route)

    assert (answer.status, answer.code) == (503, "unavailable")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/healthz", "/", "/static/1/page.js", "/messages/a"])
def test_what_needs_no_database_waits_for_no_thread_that_may_hang_at_it(method, path):
    assert routes.cost(method, path) == MEMORY


@pytest.mark.parametrize("path", ["/sessions/1", "/nowhere", "/static", "/static/1/a"])
def test_what_may_wait_is_left_to_a_thread(path):
    assert routes.cost("DELETE", path) == WAIT
