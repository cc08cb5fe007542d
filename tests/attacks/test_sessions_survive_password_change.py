"""Sessions that survive a new password: a new door, and the thief inside.

Whoever changes or resets a password may be throwing somebody out. Tokens that
lived on (Memos CVE-2024-21635) or reset links that still worked (Mattermost
CVE-2016-11074) let that somebody back in. So everything else that the old
password opened, or that is on its way by mail, dies with it.
"""

from dataclasses import dataclass

import pytest

SESSION = "__Host-session"
NEW_PASSWORD = "yet another phrase"
NEW_EMAIL = "alice@example.net"


@dataclass(frozen=True)
class Loot:
    """All that somebody may have got hold of before the change."""

    cookie: str
    access_token: str
    refresh_token: str
    codes: dict[str, str]
    grant: str


@pytest.fixture
def loot(client, mailbox, alice, clock) -> Loot:
    """One of everything: a session, a code of each purpose, a grant."""
    thief = client.at("203.0.113.66")
    login = thief.post("/auth/login", email=alice.email, password=alice.password)
    codes = {}
    thief.post("/forgot-password", email=alice.email)
    code = mailbox.code(alice.email)
    validated = thief.post("/validate-otp", email=alice.email, otp=code)
    for purpose in ("reset", "login"):
        clock.advance(60)
        thief.post("/auth/otp", email=alice.email, purpose=purpose)
        codes[purpose] = mailbox.code(alice.email)
    inside = thief.bearer(login.payload["access_token"])
    inside.post("/auth/contacts", email=NEW_EMAIL, current_password=alice.password)
    codes["contact"] = mailbox.code(NEW_EMAIL)
    return Loot(
        login.cookies[SESSION],
        login.payload["access_token"],
        login.payload["refresh_token"],
        codes,
        validated.payload["reset_token"],
    )


@pytest.fixture
def mine(client, alice):
    """Alice's own session, in which she changes her password."""
    answer = client.post("/auth/login", email=alice.email, password=alice.password)
    return client.bearer(answer.payload["access_token"])


def change(client, mailbox, alice, mine):
    return mine.post(
        "/auth/password/change",
        current_password=alice.password,
        new_password=NEW_PASSWORD,
    )


def reset(client, mailbox, alice, mine):
    client.post("/forgot-password", username=alice.username)
    code = mailbox.code(alice.email)
    return client.post(
        "/reset-password", email=alice.email, otp=code, new_password=NEW_PASSWORD
    )


WAYS = pytest.mark.parametrize("renew", [change, reset])


@WAYS
def test_every_other_session_ends(client, mailbox, alice, loot, mine, renew):
    assert renew(client, mailbox, alice, mine).status == 200

    by_cookie = client.cookie(SESSION, loot.cookie).get("/auth/me")
    by_bearer = client.bearer(loot.access_token).get("/auth/me")
    by_refresh = client.post("/auth/refresh", refresh_token=loot.refresh_token)
    codes = [each.code for each in (by_cookie, by_bearer, by_refresh)]
    assert codes == ["invalid_token"] * 3


@WAYS
@pytest.mark.parametrize(
    ("purpose", "path", "more"),
    [
        ("login", "/auth/login", {}),
        ("reset", "/validate-otp", {}),
        ("reset", "/reset-password", {"new_password": "the thief's own phrase"}),
    ],
)
def test_every_code_on_its_way_dies(
    client, mailbox, alice, loot, mine, renew, purpose, path, more
):
    renew(client, mailbox, alice, mine)

    answer = client.post(path, email=alice.email, otp=loot.codes[purpose], **more)
    assert answer.code == "invalid_code"


@WAYS
def test_validated_reset_dies(client, mailbox, alice, loot, mine, renew):
    renew(client, mailbox, alice, mine)

    answer = client.post(
        "/reset-password", token=loot.grant, new_password="the thief's own phrase"
    )
    assert answer.code == "invalid_code"


@WAYS
def test_pending_change_of_address_dies(client, mailbox, alice, loot, mine, renew):
    renew(client, mailbox, alice, mine)
    login = client.post("/auth/login", email=alice.email, password=NEW_PASSWORD)
    inside = client.bearer(login.payload["access_token"])

    answer = inside.post("/otp", email=NEW_EMAIL, otp=loot.codes["contact"])

    assert answer.code == "invalid_code"
    assert inside.get("/auth/me").payload["user"]["email"] == alice.email


@WAYS
def test_old_password_dies(client, mailbox, alice, loot, mine, renew):
    renew(client, mailbox, alice, mine)

    answer = client.post("/auth/login", email=alice.email, password=alice.password)
    assert answer.code == "invalid_credentials"


@WAYS
def test_owner_is_told(client, mailbox, alice, mine, renew):
    renew(client, mailbox, alice, mine)
    mailbox.fetch()

    assert "was changed" in mailbox.letters[-1].subject
    assert mailbox.letters[-1].recipient == alice.email


def test_reset_ends_the_session_it_was_asked_in_as_well(
    client, mailbox, alice, loot, mine
):
    reset(client, mailbox, alice, mine)

    assert mine.get("/auth/me").code == "invalid_token"


def test_change_leaves_the_session_it_was_asked_in(client, mailbox, alice, mine):
    change(client, mailbox, alice, mine)

    assert mine.get("/auth/me").status == 200


def test_codes_work_while_nothing_has_changed(client, alice, loot):
    # Without this, the refusals above could have any other reason.
    login = client.post("/auth/login", email=alice.email, otp=loot.codes["login"])
    reset = client.post("/reset-password", token=loot.grant, new_password=NEW_PASSWORD)

    assert (login.status, reset.status) == (200, 200)
