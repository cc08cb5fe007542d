"""Session fixation: the attacker knows the session before the victim logs in.

Where a login goes on with the session that the browser came with, whoever
planted that session is logged in too (Zitadel CVE-2024-28197, rdiffweb
CVE-2022-3269). Here every login makes a new one and ends the one it replaces,
and nothing but a login opens one.
"""

import pytest

SESSION, RESET = "__Host-session", "__Host-reset"
CHOSEN = "chosen-by-the-attacker-chosen-by-the-attack"
NEW_PASSWORD = "yet another phrase"


def log_in(client, person):
    return client.post("/auth/login", email=person.email, password=person.password)


def active(client, cookie):
    return client.cookie(SESSION, cookie).get("/session/active")


def test_login_never_takes_over_a_chosen_session(client, alice):
    answer = log_in(client.cookie(SESSION, CHOSEN), alice)

    assert answer.cookies[SESSION] != CHOSEN
    assert active(client, CHOSEN).code == "invalid_token"
    assert active(client, answer.cookies[SESSION]).status == 200


def test_login_ends_the_session_that_an_attacker_planted(client, alice, join):
    planted = log_in(client, join("mallory")).cookies[SESSION]

    answer = log_in(client.cookie(SESSION, planted), alice)

    assert active(client, planted).code == "invalid_token"
    assert active(client, answer.cookies[SESSION]).status == 200


def test_each_login_has_secrets_of_its_own(client, alice):
    first, second = log_in(client, alice), log_in(client, alice)

    assert first.cookies[SESSION] != second.cookies[SESSION]
    for name in ("access_token", "refresh_token"):
        assert first.payload[name] != second.payload[name]


def test_login_by_code_ends_a_planted_session_as_well(client, mailbox, alice, join):
    planted = log_in(client, join("mallory")).cookies[SESSION]
    client.post("/auth/otp", email=alice.email, purpose="login")
    code = mailbox.code(alice.email)

    answer = client.cookie(SESSION, planted).post(
        "/auth/login", email=alice.email, otp=code
    )

    assert answer.cookies[SESSION] != planted
    assert active(client, planted).code == "invalid_token"


def test_failed_login_sets_no_cookie_and_ends_nothing(client, alice):
    mine = log_in(client, alice).cookies[SESSION]

    answer = client.cookie(SESSION, mine).post(
        "/auth/login", email=alice.email, password="not the password"
    )

    assert answer.status == 401
    assert answer.cookies == {}
    assert active(client, mine).status == 200


def test_no_public_name_of_a_session_opens_it(client, logged_in):
    session = active(client, logged_in.cookies[SESSION]).payload["session"]["id"]

    assert active(client, session).code == "invalid_token"
    assert client.bearer(session).get("/auth/me").code == "invalid_token"


def test_only_a_login_opens_a_session(client, mailbox):
    email = "bob@example.org"
    answers = [
        client.post("/register", username="bob", email=email, password="bob's phrase")
    ]
    answers.append(client.post("/otp", email=email, otp=mailbox.code(email)))
    answers.append(client.post("/forgot-password", email=email))
    answers.append(client.post("/validate-otp", email=email, otp=mailbox.code(email)))
    token = answers[-1].payload["reset_token"]
    answers.append(
        client.post("/reset-password", token=token, new_password=NEW_PASSWORD)
    )

    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200]
    assert not any(answer.cookies.get(SESSION) for answer in answers)


@pytest.mark.parametrize("name", [SESSION, RESET])
def test_reset_clears_both_cookies(client, mailbox, alice, name):
    client.post("/forgot-password", email=alice.email)
    code = mailbox.code(alice.email)

    answer = client.post(
        "/reset-password", email=alice.email, otp=code, new_password=NEW_PASSWORD
    )

    assert answer.status == 200
    assert answer.cookies[name] == ""
