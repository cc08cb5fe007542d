"""GET /auth/me: who is asking, by bearer token or by session cookie."""

import pytest

from authserver import jwt
from authserver.flows.authenticate import JWT_KEY
from tests.conftest import START

ME = "/auth/me"


@pytest.fixture
def bearer(client, logged_in):
    return client.bearer(logged_in.payload["access_token"])


@pytest.fixture
def browser(client, logged_in):
    return client.cookie("__Host-session", logged_in.cookies["__Host-session"])


def test_bearer_is_shown_the_account(bearer, alice):
    answer = bearer.get(ME)

    assert answer.status == 200
    assert answer.payload == {
        "user": {
            "id": alice.id,
            "username": "alice",
            "email": alice.email,
            "phone": None,
            "is_verified": True,
            "email_verified": True,
            "phone_verified": False,
            "roles": [],
        }
    }


def test_cookie_is_shown_the_same(bearer, browser):
    assert browser.get(ME).payload == bearer.get(ME).payload


def test_roles_are_today_s(bearer, sql):
    sql("UPDATE users SET roles = 'admin auditor'")

    assert bearer.get(ME).payload["user"]["roles"] == ["admin", "auditor"]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_scheme_is_written_as_one_likes(client, logged_in, scheme):
    token = logged_in.payload["access_token"]

    answer = client.having(authorization=f"{scheme} {token}").get(ME)

    assert answer.status == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x"])
def test_bad_authorization_decides_alone(browser, value):
    answer = browser.having(authorization=value).get(ME)

    assert (answer.status, answer.code) == (401, "invalid_token")
    challenge = answer.header("WWW-Authenticate")
    assert challenge == 'Bearer realm="authserver", error="invalid_token"'


def test_nobody_is_told_to_log_in(client):
    answer = client.get(ME)

    assert (answer.status, answer.code) == (401, "not_authenticated")
    assert answer.header("WWW-Authenticate") == 'Bearer realm="authserver"'


def test_token_in_the_query_is_no_credential(client, logged_in):
    answer = client.get(f"{ME}?access_token={logged_in.payload['access_token']}")

    assert answer.code == "not_authenticated"


def test_unknown_cookie_is_refused(client):
    answer = client.cookie("__Host-session", "x").get(ME)

    assert answer.code == "invalid_token"


def test_our_cookie_twice_is_refused(client, logged_in):
    good = logged_in.cookies["__Host-session"]
    both = f"__Host-session={good}; __Host-session=planted"

    answer = client.having(cookie=both).get(ME)

    assert (answer.status, answer.code) == (400, "malformed_request")


def test_access_token_expires_and_the_cookie_does_not(bearer, browser, clock):
    clock.advance(900 + jwt.LEEWAY_S)

    assert bearer.get(ME).code == "invalid_token"
    assert browser.get(ME).status == 200


def test_idle_session_ends(browser, clock):
    clock.advance(7 * 86400)

    assert browser.get(ME).code == "invalid_token"


def test_used_session_lives_to_its_absolute_end(browser, clock, settle):
    def use():
        status = browser.get(ME).status
        settle()
        return status

    statuses = []
    for _ in range(5):
        clock.advance(6 * 86400)
        statuses.append(use())

    assert statuses == [200, 200, 200, 200, 401]


def test_last_use_is_written_every_ten_minutes_only(browser, clock, sql, settle):
    clock.advance(599)
    browser.get(ME)
    settle()
    early = sql("SELECT last_seen_at FROM sessions")
    clock.advance(1)
    browser.get(ME)
    settle()

    assert early == [(START,)]
    assert sql("SELECT last_seen_at FROM sessions") == [(START + 600,)]


def test_disabled_user_is_out_at_once(bearer, browser, sql):
    sql("UPDATE users SET disabled_at = ?", START)

    assert bearer.get(ME).code == "invalid_token"
    assert browser.get(ME).code == "invalid_token"


def test_session_of_another_user_does_not_carry_a_token(app, client, logged_in, join):
    keyring = app.keyring.derived(JWT_KEY)
    url = app.settings.public_url
    token = logged_in.payload["access_token"]
    claims = jwt.decode(token, keyring=keyring, issuer=url, audience=url, now=START)
    claims["sub"] = join("bob").id

    forged = jwt.encode(claims, keyring=keyring, kid=app.keyring.current)

    assert client.bearer(forged).get(ME).code == "invalid_token"
