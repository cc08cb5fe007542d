"""Mailed links: opened by machines, by two at once, or found in a log.

Mail scanners open every link before its reader does, and some press buttons of
forms; a link that acts when it is opened is spent by them, or proves an address
that nobody has read at. Tokens in a path or query land in the logs of every
proxy on the way. Ours stand in the fragment, opening a page spends nothing, and
the POST of its script spends once.
"""

from functools import partial

import pytest

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another good phrase"
BOB = "bob@example.org"


@pytest.fixture
def token(client, mailbox):
    """The token of the link that Bob was mailed when he registered."""
    client.post("/auth/register", username="bob", email=BOB, password=PASSWORD)
    return mailbox.link_token(BOB)


@pytest.fixture
def reset_token(client, mailbox, alice):
    client.post("/auth/password/forgot", email=alice.email)
    return mailbox.link_token(alice.email)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_scanner_that_opens_a_link_spends_nothing(client, token, reset_token, method):
    for path in ("/verify", "/verify/confirm"):
        client.send(method, f"{path}?token={token}")
    for path in ("/reset", "/auth/password/reset"):
        client.send(method, f"{path}?token={reset_token}")

    reset = {"token": reset_token, "new_password": NEW_PASSWORD}
    assert client.post("/verify/confirm", token=token).status == 200
    assert client.post("/auth/password/reset", **reset).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_scanner_that_presses_the_button_without_scripts_spends_nothing(
    client, token, method
):
    # The form names neither address nor token, so a browser posts to the page.
    form = client.having(content_type="application/x-www-form-urlencoded")
    answer = form.send(method, "/verify", b"username=bob&password=")

    assert answer.status in (200, 405)
    assert client.post("/verify/confirm", token=token).status == 200


def test_token_in_the_query_is_no_proof(client, token, reset_token):
    verify = client.post(f"/verify/confirm?token={token}", password=PASSWORD)
    reset = client.post(
        f"/auth/password/reset?token={reset_token}", new_password=NEW_PASSWORD
    )

    assert (verify.status, reset.status) == (400, 401)


def test_page_is_the_same_with_and_without_a_token(wire, token):
    def content(path):
        received = wire.send(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        return received.partition(b"\r\n\r\n")[2]

    assert content("/verify") == content(f"/verify?token={token}&name=<b>eve")


@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}])
def test_fifty_parallel_uses_of_one_link_make_one_user(
    counted, client, token, places, at_once, given
):
    answers = at_once(
        [
            partial(counted.at(place).post, "/verify/confirm", token=token, **given)
            for place in places(50)
        ]
    )

    assert sorted(answer.status for answer in answers) == [200] + [401] * 49
    assert client.post("/auth/login", email=BOB, password=PASSWORD).status == 200


def test_fifty_parallel_uses_of_one_reset_link_change_one_password(
    counted, client, reset_token, alice, places, at_once
):
    answers = at_once(
        [
            partial(
                counted.at(place).post,
                "/auth/password/reset",
                token=reset_token,
                new_password=f"{NEW_PASSWORD} {number}",
            )
            for number, place in enumerate(places(50))
        ]
    )

    statuses = [answer.status for answer in answers]
    password = f"{NEW_PASSWORD} {statuses.index(200)}"
    assert sorted(statuses) == [200] + [401] * 49
    opened = client.post("/auth/login", email=alice.email, password=password)
    assert opened.status == 200


@pytest.mark.parametrize("password", [None, PASSWORD, "guess"])
def test_forged_and_real_token_cost_the_same(counted, tally, token, password):
    given = {"password": password} if password else {}
    costs = []
    for text in (token[:33] + 43 * "A", "x", "0" * 32 + token[32:]):
        tally.clear()
        counted.post("/verify/confirm", token=text, **given)
        costs.append(tally.cost)

    assert len(set(costs)) == 1
    assert costs[0] == ((2, 1) if password else (1, 0))


def test_wrong_password_at_a_real_link_costs_as_much_as_at_a_forged_one(
    counted, tally, token
):
    counted.post("/verify/confirm", token=token, password="guess")

    assert tally.cost == (2, 1)
