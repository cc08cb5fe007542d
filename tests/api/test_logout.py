"""POST /auth/logout: whatever belongs to a session ends it, here and now."""

import pytest

OUT = {"message": "Logged out"}


def login(client, person):
    return client.post("/login", email=person.email, password=person.password)


def browser(client, answer):
    return client.cookie("__Host-session", answer.cookies["__Host-session"])


def program(client, answer):
    return client.bearer(answer.payload["access_token"])


def is_in(client, answer):
    return program(client, answer).get("/session/active").status == 200


@pytest.mark.parametrize("path", ["/auth/logout", "/logout"])
def test_cookie_ends_its_session_and_is_cleared(client, logged_in, path):
    answer = browser(client, logged_in).post(path)

    assert (answer.status, answer.payload) == (200, OUT)
    assert answer.header("Set-Cookie").startswith("__Host-session=; Max-Age=0;")
    assert browser(client, logged_in).get("/auth/me").status == 401
    assert not is_in(client, logged_in)


def test_bearer_ends_its_session(client, logged_in):
    answer = program(client, logged_in).post("/auth/logout")

    assert (answer.status, answer.payload) == (200, OUT)
    assert not is_in(client, logged_in)


def test_bearer_leaves_the_cookie_of_another_session_alone(client, alice):
    first, second = login(client, alice), login(client, alice)
    both = browser(program(client, first), second)

    answer = both.post("/auth/logout", refresh_token=second.payload["refresh_token"])

    assert (answer.status, answer.payload) == (200, OUT)
    assert answer.header("Set-Cookie") is None
    assert not is_in(client, first)
    assert browser(client, second).get("/session/active").status == 200


def test_bearer_clears_the_cookie_of_its_own_session(client, logged_in):
    both = browser(program(client, logged_in), logged_in)

    answer = both.post("/auth/logout")

    assert answer.header("Set-Cookie").startswith("__Host-session=; Max-Age=0;")


def test_bearer_that_ends_every_session_clears_the_cookie_of_any(client, alice):
    both = browser(program(client, login(client, alice)), login(client, alice))

    answer = both.post("/auth/logout", everywhere=True)

    assert answer.header("Set-Cookie").startswith("__Host-session=; Max-Age=0;")


def test_expired_bearer_ends_its_session(client, clock, logged_in):
    clock.advance(1000)

    answer = program(client, logged_in).post("/auth/logout")

    assert (answer.status, answer.payload) == (200, OUT)
    assert browser(client, logged_in).get("/auth/me").status == 401


@pytest.mark.parametrize("spent", [False, True])
def test_refresh_token_ends_its_session_spent_or_not(client, logged_in, spent):
    token = logged_in.payload["refresh_token"]
    if spent:
        client.post("/auth/refresh", refresh_token=token)

    answer = client.post("/auth/logout", refresh_token=token)

    assert (answer.status, answer.payload) == (200, OUT)
    assert not is_in(client, logged_in)


def test_cookie_and_refresh_token_end_both_sessions(client, alice):
    # The answer clears the cookie, so nobody could end its session afterwards.
    first, second = login(client, alice), login(client, alice)

    browser(client, first).post(
        "/auth/logout", refresh_token=second.payload["refresh_token"]
    )

    assert not is_in(client, first)
    assert not is_in(client, second)


def test_session_that_has_ended_gets_the_same_answer(client, logged_in):
    first = browser(client, logged_in).post("/auth/logout")
    again = browser(client, logged_in).post("/auth/logout")

    assert again.public() == first.public()


@pytest.mark.parametrize("body", [{"refresh_token": "x"}, {}])
def test_unknown_session_gets_the_same_answer(client, body):
    answer = client.cookie("__Host-session", "x").post("/auth/logout", **body)

    assert (answer.status, answer.payload) == (200, OUT)


def test_everywhere_ends_every_session(client, alice, join):
    first, second = login(client, alice), login(client, alice)
    other = login(client, join("bob"))

    program(client, first).post("/auth/logout", everywhere=True)

    assert not is_in(client, first)
    assert not is_in(client, second)
    assert is_in(client, other)


def test_ended_session_does_not_speak_for_the_others(client, alice):
    first, second = login(client, alice), login(client, alice)
    program(client, first).post("/auth/logout")

    answer = program(client, first).post("/auth/logout", everywhere=True)

    assert answer.status == 200
    assert is_in(client, second)


def test_session_past_its_life_does_not_speak_for_the_others(client, alice, clock):
    first = login(client, alice)
    clock.advance(7 * 86400)
    second = login(client, alice)

    program(client, first).post("/auth/logout", everywhere=True)

    assert is_in(client, second)


def test_nobody_has_nothing_to_end(client):
    answer = client.post("/auth/logout")

    assert (answer.status, answer.code) == (401, "not_authenticated")


def test_bad_bearer_decides_alone(client, logged_in):
    answer = browser(client, logged_in).bearer("forged").post("/auth/logout")

    # `bearer` adds to the headers, so the cookie was sent as well.
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert is_in(client, logged_in)


@pytest.mark.parametrize("everywhere", [1, "true", None, []])
def test_everywhere_is_a_boolean(client, logged_in, everywhere):
    answer = browser(client, logged_in).post("/auth/logout", everywhere=everywhere)

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert is_in(client, logged_in)
