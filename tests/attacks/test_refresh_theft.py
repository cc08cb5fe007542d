"""A refresh token that was copied, and comes back after it was spent.

Whoever of thief and owner comes second presents a spent token; then the whole
family must die. In one large service a descendant lived on (Supabase
discussion 52614), and Gitea's stolen "remember me" cookie outlived its
discovery (CVE-2026-56750).
"""

import pytest

OUTCOMES = "SELECT COUNT(*) FROM audit_log WHERE event = ? AND outcome = ?"


@pytest.fixture
def family(client, clock, logged_in):
    """Three generations of tokens, 20 s apart: two spent, one live."""
    pairs = [logged_in.payload]
    for _ in range(2):
        clock.advance(20)
        token = pairs[-1]["refresh_token"]
        pairs.append(client.post("/auth/refresh", refresh_token=token).payload)
    return pairs


@pytest.mark.parametrize("generation", [0, 1])
def test_reuse_after_the_grace_kills_the_family(client, clock, family, generation):
    clock.advance(11)
    stolen = family[generation]["refresh_token"]

    assert client.post("/auth/refresh", refresh_token=stolen).status == 401

    tokens = [pair["refresh_token"] for pair in family]
    statuses = [client.post("/auth/refresh", refresh_token=t).status for t in tokens]
    assert statuses == [401] * 3


def test_reuse_ends_access_tokens_and_cookie_at_once(client, clock, logged_in, family):
    client.post("/auth/refresh", refresh_token=family[0]["refresh_token"])

    assert [
        client.bearer(pair["access_token"]).get("/auth/me").status for pair in family
    ] == [401] * 3
    inside = client.cookie("__Host-session", logged_in.cookies["__Host-session"])
    assert inside.get("/auth/me").status == 401


def test_reuse_within_the_grace_but_from_elsewhere_is_theft(client, logged_in):
    token = logged_in.payload["refresh_token"]
    kept = client.post("/auth/refresh", refresh_token=token).payload

    thief = client.at("203.0.113.66").post("/auth/refresh", refresh_token=token)

    assert thief.status == 401
    assert client.bearer(kept["access_token"]).get("/auth/me").status == 401


def test_reuse_within_the_grace_but_after_the_successor_is_theft(client, logged_in):
    token = logged_in.payload["refresh_token"]
    second = client.post("/auth/refresh", refresh_token=token).payload
    third = client.post("/auth/refresh", refresh_token=second["refresh_token"]).payload

    assert client.post("/auth/refresh", refresh_token=token).status == 401
    assert client.bearer(third["access_token"]).get("/auth/me").status == 401


def test_owner_hears_of_it_once(client, mailbox, alice, family):
    stolen = family[0]["refresh_token"]
    mailbox.fetch()

    for _ in range(3):
        client.post("/auth/refresh", refresh_token=stolen)

    letters = mailbox.fetch()
    assert [letter.recipient for letter in letters] == [alice.email]
    assert "ended for your safety" in letters[0].subject


def test_audit_log_hears_of_it(app, client, family):
    client.post("/auth/refresh", refresh_token=family[0]["refresh_token"])

    found = app.database.read(lambda tx: tx.one(OUTCOMES, ("refresh", "reused")))
    assert found == (1,)


def test_other_sessions_go_on(client, alice, family):
    phone = client.post("/auth/login", email=alice.email, password=alice.password)

    client.post("/auth/refresh", refresh_token=family[0]["refresh_token"])

    inside = client.bearer(phone.payload["access_token"])
    assert inside.get("/auth/me").status == 200


def test_refusal_is_that_of_an_unknown_token(client, family):
    unknown = client.post("/auth/refresh", refresh_token="A" * 43)
    reused = client.post("/auth/refresh", refresh_token=family[0]["refresh_token"])

    assert reused.public() == unknown.public()
