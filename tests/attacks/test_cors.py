"""Cross-origin requests: listed pages use tokens, and nobody else reads a word.

Row after row the same mistake is in the records: an Origin that is echoed, or
compared by its beginning, its end or without its scheme (CVE-2024-41657).
"""

import pytest

from tests.conftest import OTHER_PASSWORD, PASSWORD

OWN = "https://auth.example.org"
APP = "https://app.example.org"
LOCAL = "http://localhost:5173"
SESSION, RESET = "__Host-session", "__Host-reset"
STRANGERS = (
    "null",
    "",
    "*",
    "https://evil.test",
    "https://app.example.org.evil.test",
    "https://app.example.orgevil.test",
    "https://app.example.org@evil.test",
    "https://app.example.org%2eevil.test",
    "https://app.example.org,https://evil.test",
    "https://app.example.org, https://app.example.org",
    "https://app.example.org https://evil.test",
    "https://evil.test https://app.example.org",
    "https://evil.test/https://app.example.org",
    "https://evil.test#https://app.example.org",
    "https://evil.test?https://app.example.org",
    "https://xapp.example.org",
    "https://x.app.example.org",
    "https://app-example.org",
    "https://appXexample.org",
    "https://example.org",
    "https://app.example.or",
    "https://app.example.org.",
    "https://app.example.org/",
    "https://app.example.org:443",
    "https://app.example.org:8443",
    "https://app.example.org:",
    "http://app.example.org",
    "ftp://app.example.org",
    "HTTPS://app.example.org",
    "https://APP.example.org",
    "https://app.example.org\t",
    "app.example.org",
    "//app.example.org",
    "http://localhost",
    "http://localhost:51730",
    "http://127.0.0.1:5173",
    "https://localhost:5173",
)

pytestmark = pytest.mark.parametrize(
    "app", [{"allowed_origins": f"{APP},{LOCAL},{OWN}"}], indirect=True
)


@pytest.fixture
def page(client):
    """A script on a listed page, as today's browsers send its requests."""
    return client.having(origin=APP, sec_fetch_site="same-site", sec_fetch_mode="cors")


def cors_headers(answer):
    return {
        name.lower(): value
        for name, value in answer.headers
        if name.lower().startswith("access-control") or name == "Vary"
    }


READABLE = {
    "access-control-allow-origin": APP,
    "access-control-expose-headers": "Retry-After, WWW-Authenticate, X-Request-Id",
    "vary": "Origin",
}


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_origin_is_told_anything(client, logged_in, origin):
    stranger = client.having(origin=origin, cookie=f"{SESSION}=x")
    asking = stranger.having(access_control_request_method="POST")
    token = {"authorization": f"Bearer {logged_in.payload['access_token']}"}

    answers = [
        asking.send("OPTIONS", "/auth/login"),
        stranger.having(**token).get("/auth/me"),
        stranger.get("/nowhere"),
        stranger.post("/auth/login", identifier="alice", password=PASSWORD),
    ]

    assert [cors_headers(answer) for answer in answers] == [{"vary": "Origin"}] * 4
    assert [answer.status for answer in answers] == [204, 200, 404, 403]
    assert answers[3].code == "cross_site"


@pytest.mark.parametrize("origin", [APP, LOCAL])
@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/auth/login", "OPTIONS, POST"),
        ("/sessions", "DELETE, GET, HEAD, OPTIONS"),
        ("/sessions/x", "DELETE, OPTIONS"),
    ],
)
def test_preflight_of_a_listed_origin_is_granted(client, origin, path, methods):
    asking = client.having(
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type",
    )

    answer = asking.send("OPTIONS", path)

    assert answer.status == 204
    assert cors_headers(answer) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": methods,
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-max-age": "600",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


@pytest.mark.parametrize("site", ["same-site", "cross-site", None])
def test_listed_page_registers_verifies_and_logs_in(client, mailbox, site):
    metadata = {"sec_fetch_site": site} if site else {}
    page = client.having(origin=APP, **metadata)
    bob = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}

    registered = page.post("/auth/register", **bob)
    code = mailbox.code("bob@example.org")
    verified = page.post("/auth/verify-otp", email="bob@example.org", otp=code)
    login = page.post("/auth/login", identifier="bob", password=PASSWORD)
    me = page.bearer(login.payload["access_token"]).get("/auth/me")
    refreshed = page.post(
        "/auth/refresh-token", refresh_token=login.payload["refresh_token"]
    )
    token = refreshed.payload["access_token"]
    logout = page.bearer(token).post("/auth/logout")

    answers = (registered, verified, login, me, refreshed, logout)
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200, 200]
    assert [cors_headers(answer) for answer in answers] == [READABLE] * 6
    assert [answer.cookies for answer in answers] == [{}] * 6


def test_refusals_can_be_read_too(page):
    answers = [
        page.get("/auth/me"),
        page.get("/nowhere"),
        page.get("/auth/login"),
        page.send("POST", "/auth/login", b"["),
        page.post("/auth/login", identifier="alice", password="wrong"),
        page.send("OPTIONS", "/nowhere"),
    ]

    statuses = [answer.status for answer in answers]
    assert statuses == [401, 404, 405, 400, 401, 404]
    assert [cors_headers(answer) for answer in answers] == [READABLE] * 6


def test_limit_can_be_read_with_the_time_to_wait(page):
    for _ in range(3):
        page.post("/auth/otp", email="bob@example.org")

    answer = page.post("/auth/otp", email="bob@example.org")

    assert answer.status == 429
    assert answer.header("Retry-After")
    assert cors_headers(answer) == READABLE


def test_cookies_that_come_along_are_not_read(page, logged_in):
    mine = page.cookie(SESSION, logged_in.cookies[SESSION])

    assert mine.get("/auth/me").code == "not_authenticated"
    assert mine.get("/session/active").code == "not_authenticated"
    assert mine.post("/auth/logout").code == "not_authenticated"
    assert mine.send("DELETE", "/sessions").code == "not_authenticated"


def test_our_own_cookie_twice_is_no_business_of_theirs(page, logged_in):
    twice = page.having(cookie=f"{SESSION}=a; {SESSION}=b")

    answer = twice.bearer(logged_in.payload["access_token"]).get("/auth/me")

    assert answer.status == 200


def test_password_is_reset_by_token_and_never_by_cookie(page, mailbox, alice):
    page.post("/forgot-password", identifier=alice.email)
    code = mailbox.code(alice.email)
    validated = page.post("/validate-otp", identifier=alice.email, otp=code)
    token = validated.payload["reset_token"]
    new = {"new_password": OTHER_PASSWORD}

    by_cookie = page.cookie(RESET, token).post("/reset-password", **new)
    by_token = page.post("/reset-password", **new, reset_token=token)

    assert (by_cookie.status, by_cookie.code) == (401, "invalid_code")
    assert by_token.status == 200
    assert validated.cookies == by_token.cookies == {}


def test_a_login_without_tokens_makes_no_sense_there(page, alice):
    answer = page.post(
        "/auth/login", identifier="alice", password=PASSWORD, cookie_only=True
    )

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["field"] == "cookie_only"


def test_our_own_origin_keeps_its_cookies_though_it_is_listed(client, logged_in):
    ours = client.having(origin=OWN, sec_fetch_site="same-origin")

    answer = ours.cookie(SESSION, logged_in.cookies[SESSION]).get("/auth/me")
    login = ours.post("/auth/login", identifier="alice", password=PASSWORD)

    assert answer.status == 200
    assert cors_headers(answer) == {"vary": "Origin"}
    assert set(login.cookies) == {SESSION}
    assert ours.having(sec_fetch_site="cross-site").post("/auth/logout").status == 403


def test_without_a_list_nothing_varies(app, client, make_app, tmp_path):
    bare = make_app(database_url=f"sqlite:///{tmp_path}/other.db")
    page = client._replace(site=type(client.site)(bare)).having(origin=APP)

    assert cors_headers(page.get("/auth/me")) == {}
    assert page.post("/auth/logout").code == "cross_site"
