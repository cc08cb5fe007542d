"""Tokens that are nearly right: cut, padded, flipped, doubled.

Zitadel accepted truncated opaque tokens (CVE-2026-27840). Ours are compared
whole; and what is nearly right must not harm the right one either.
"""

import pytest


def near_misses(token):
    """Return every prefix and suffix, every case flip, and some paddings."""
    cut = [token[:n] for n in range(len(token))] + [token[n:] for n in range(1, 9)]
    flipped = [
        token[:n] + each.swapcase() + token[n + 1 :]
        for n, each in enumerate(token)
        if each.isalpha()
    ]
    padded = [
        token + "A",
        "A" + token,
        token + "=",
        token + "==",
        token + ".",
        token * 2,
    ]
    odd = [token + "\n", " " + token, token + "\0", token + "\u00e9", token[::-1]]
    return [each for each in cut + flipped + padded + odd if each != token]


@pytest.fixture
def everywhere(client, places):
    """Send each try from a place of its own, so that no limit answers."""

    def send(path, field, tries, **more):
        return {
            client.at(place).post(path, **{field: text}, **more).status
            for place, text in zip(places(len(tries)), tries, strict=True)
        }

    return send


def test_nearly_a_refresh_token_is_none(client, everywhere, logged_in):
    token = logged_in.payload["refresh_token"]

    assert everywhere("/auth/refresh", "refresh_token", near_misses(token)) == {401}
    assert client.post("/auth/refresh", refresh_token=token).status == 200


def test_nearly_a_reset_token_is_none(client, mailbox, everywhere, alice):
    client.post("/auth/password/forgot", email=alice.email)
    code = mailbox.code(alice.email)
    answer = client.post("/validate-otp", email=alice.email, otp=code)
    token = answer.payload["reset_token"]
    new = {"new_password": "another good phrase"}

    tries = near_misses(token)

    assert everywhere("/auth/password/reset", "token", tries, **new) == {401}
    assert client.post("/auth/password/reset", token=token, **new).status == 200


def test_nearly_an_access_token_is_none(client, logged_in):
    token = logged_in.payload["access_token"]
    # Blanks around a bearer token belong to the header, not to the token.
    tries = [each for each in near_misses(token) if each.strip() != token]

    statuses = {client.bearer(each).get("/auth/me").status for each in tries}

    assert statuses == {401}
    assert client.bearer(token).get("/auth/me").status == 200


def test_nearly_a_session_cookie_is_none(client, logged_in):
    token = logged_in.cookies["__Host-session"]
    tries = [each for each in near_misses(token) if each.strip() != token]

    statuses = {
        client.cookie("__Host-session", each).get("/auth/me").status for each in tries
    }

    assert statuses == {401}
    assert client.cookie("__Host-session", token).get("/auth/me").status == 200


def test_nearly_a_refresh_token_logs_nobody_out(client, logged_in):
    token = logged_in.payload["refresh_token"]

    for each in near_misses(token):
        client.post("/auth/logout", refresh_token=each)

    inside = client.bearer(logged_in.payload["access_token"])
    assert inside.get("/auth/me").status == 200
