"""Which credential speaks: Authorization alone if present, else the cookie."""

import pytest

from authserver import errors
from authserver.web import credentials
from authserver.web.messages import Request

SESSION = "__Host-session"


@pytest.fixture
def client(api):
    return api


def request(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", "/", "", named, b"", "192.0.2.1", "id")


@pytest.mark.parametrize(
    "header", ["Bearer abc", "bearer abc", "BEARER abc", "Bearer   abc", "Bearer abc "]
)
def test_bearer_token_is_found_however_its_scheme_is_written(header):
    assert credentials.bearer(request(authorization=header)) == "abc"


def test_no_authorization_is_no_token():
    assert credentials.bearer(request()) is None


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "abc", "Bearer\tabc", "Digest Bearer abc"],
)
def test_any_other_authorization_is_refused(header):
    with pytest.raises(errors.InvalidToken, match="not a bearer token"):
        credentials.bearer(request(authorization=header))


def test_token_keeps_blanks_that_are_not_http():
    assert credentials.bearer(request(authorization="Bearer a\xa0")) == "a\xa0"


def test_bad_bearer_is_not_made_good_by_a_cookie(client, logged_in):
    browser = client.cookie(SESSION, logged_in.cookies[SESSION])

    assert browser.get("/auth/me").status == 200
    assert browser.bearer("wrong").get("/auth/me").code == "invalid_token"
    basic = browser.having(authorization="Basic YTpi")
    assert basic.get("/auth/me").code == "invalid_token"


def test_good_bearer_counts_before_a_bad_cookie(client, logged_in):
    program = client.bearer(logged_in.payload["access_token"])

    assert program.cookie(SESSION, "wrong").get("/auth/me").status == 200


def test_nobody_is_who_brings_nothing(app):
    with pytest.raises(errors.NotAuthenticated):
        credentials.require(app, request())


@pytest.mark.parametrize("headers", [{}, {"cookie": f"{SESSION}=ended"}])
def test_optional_credential_may_be_missing_or_ended(app, headers):
    assert credentials.optional(app, request(**headers)) is None


def test_optional_credential_may_not_be_a_bad_bearer(app):
    with pytest.raises(errors.InvalidToken):
        credentials.optional(app, request(authorization="Bearer wrong"))


def test_optional_credential_says_who_it_is(app, alice, logged_in):
    cookie = f"{SESSION}={logged_in.cookies[SESSION]}"

    who = credentials.optional(app, request(cookie=cookie))

    assert who is not None
    assert who.user.id == alice.id


def test_cookie_that_comes_twice_is_refused():
    with pytest.raises(errors.MalformedRequest, match=f"second {SESSION}"):
        credentials.cookie(request(cookie=f"{SESSION}=a; {SESSION}=a"), SESSION)
