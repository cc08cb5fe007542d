"""Cross-site requests: another site's page makes my browser act for me.

Also on the login itself, where it logs the victim in as the attacker
(Mattermost CVE-2026-28741), and by a sub-domain that plants a second cookie.
What changes something is refused when the browser says that another site
started it, takes JSON only, which no form can send, and answers to no GET.
"""

import json

import pytest

from authserver.web.api.routes import ROUTES
from authserver.web.dispatch import Site

SESSION = "__Host-session"
OWN = "https://auth.example.org"
CHANGING = [
    pytest.param(route, path.replace("{id}", "some"), id=f"{route.method} {path}")
    for route in ROUTES
    for path in route.paths
    if route.method != "GET"
]
FOREIGN = (
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site", "origin": OWN},
    {"sec_fetch_site": "same-origin, cross-site"},
    {"sec_fetch_site": "Same-Origin"},
    {"sec_fetch_site": ""},
    {"origin": "https://evil.test"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://auth.example.org"},
    {"origin": "https://auth.example.org:8443"},
    {"origin": "https://auth.example.org.evil.test"},
    {"origin": "https://evil-auth.example.org"},
    {"origin": f"{OWN} https://evil.test"},
    {"origin": f"{OWN}/"},
)
FORM_KINDS = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
    "application/jsonp",
    "",
)


def example(route):
    return json.dumps({each.name: each.example for each in route.body}).encode()


@pytest.mark.parametrize(("route", "path"), CHANGING)
def test_no_page_of_another_site_changes_anything(client, route, path):
    answers = [
        client.having(cookie=f"{SESSION}=x", **headers).send(
            route.method, path, example(route)
        )
        for headers in FOREIGN
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(403, "cross_site")}
    assert not any(answer.cookies for answer in answers)


@pytest.mark.parametrize(("route", "path"), CHANGING)
def test_what_a_form_can_send_is_not_read(client, route, path):
    answers = [
        client.having(content_type=kind).send(route.method, path, b'{"a": "="}')
        for kind in FORM_KINDS
    ]

    assert {(answer.status, answer.code) for answer in answers} == {
        (415, "unsupported_media_type")
    }


@pytest.mark.parametrize(("route", "path"), CHANGING)
def test_no_safe_method_reaches_what_changes(client, logged_in, route, path):
    browser = client.cookie(SESSION, logged_in.cookies[SESSION])

    for method in ("GET", "HEAD", "OPTIONS"):
        browser.send(method, path + "?_method=" + route.method)

    assert browser.get("/session/active").status == 200


@pytest.mark.parametrize(
    "name", ["x-http-method-override", "x-method-override", "x-http-method"]
)
def test_no_header_makes_another_method_of_get(client, logged_in, name):
    browser = client.cookie(SESSION, logged_in.cookies[SESSION])

    browser.having(**{name: "DELETE"}).get("/sessions")
    browser.having(**{name: "POST"}).get("/auth/logout")

    assert browser.get("/session/active").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin", "origin": OWN},
        {"sec_fetch_site": "none"},
        {"origin": OWN},
        {},
    ],
)
def test_our_own_pages_and_programs_may(client, logged_in, headers):
    mine = client.cookie(SESSION, logged_in.cookies[SESSION]).having(**headers)

    assert mine.post("/auth/logout").status == 200


@pytest.mark.parametrize(
    "public_url", [f"{OWN}:443", f"{OWN}/accounts", "https://AUTH.example.org"]
)
def test_our_origin_is_ours_however_our_url_is_written(
    make_app, client, tmp_path, public_url
):
    # Browsers leave out a port that goes without saying (RFC 6454 section 6.2).
    other = make_app(
        public_url=public_url, database_url=f"sqlite:///{tmp_path}/other.db"
    )
    page = client._replace(site=Site(other)).having(origin=OWN)

    assert page.post("/auth/logout").code == "not_authenticated"


@pytest.mark.parametrize("path", ["/auth/me", "/session/active", "/sessions"])
def test_a_planted_second_cookie_is_refused_in_either_order(client, logged_in, path):
    mine, planted = logged_in.cookies[SESSION], "planted"
    both = [f"{SESSION}={mine}; {SESSION}={planted}"]
    both += [f"{SESSION}={planted}; a=b; {SESSION}={mine}", f"{both[0]}; {both[0]}"]

    answers = [client.having(cookie=each).get(path) for each in both]

    assert {answer.code for answer in answers} == {"malformed_request"}


def test_a_planted_second_cookie_header_is_refused(wire, logged_in):
    mine = f"Cookie: {SESSION}={logged_in.cookies[SESSION]}"

    answer = wire.request("GET", "/auth/me", mine, f"Cookie: {SESSION}=planted")

    assert answer.code == "malformed_request"


def test_a_planted_proof_does_not_choose_whose_password_is_reset(client, alice):
    body = {"new_password": "a new good phrase", "email": alice.email, "otp": "123456"}
    planted = client.having(cookie="__Host-reset=planted; __Host-reset=mine")

    assert planted.post("/reset-password", **body).code == "invalid_code"
    del body["otp"]
    assert planted.post("/reset-password", **body).code == "malformed_request"
