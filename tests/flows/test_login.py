"""What commits while a password is being checked wins over the login."""

import pytest

from authserver import errors
from authserver.flows import login
from authserver.flows.opening import Terms
from authserver.identifiers import Identifier

ALICE = Identifier("username", "alice")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET password_version = password_version + 1",
        "UPDATE users SET disabled_at = 1",
    ],
)
def test_account_that_changed_meanwhile_opens_nothing(
    while_hashing, caller, alice, sql, change
):
    app = while_hashing(lambda: sql(change))

    with pytest.raises(errors.InvalidCredentials, match="meanwhile"):
        login.with_password(app, caller, ALICE, alice.password, Terms())

    assert sql("SELECT COUNT(*) FROM sessions") == [(0,)]


def test_code_of_an_account_that_guessed_enough_opens_nothing(
    client, mailbox, alice, sql
):
    client.post("/auth/otp", email=alice.email, purpose="login")
    code = mailbox.code(alice.email)
    for number in range(10):
        at = client.at(f"198.51.101.{number}")
        at.post("/validate-otp", email=alice.email, otp="abcdef")

    assert client.post("/login", email=alice.email, otp=code).status == 401


def test_guesses_at_a_registration_are_bounded_from_everywhere(client, mailbox):
    email = "bob@example.org"
    client.post("/register", username="bob", email=email, password="a long secret")
    for number in range(30):
        at = client.at(f"198.51.100.{number}")
        at.post("/auth/verify-otp", email=email, otp="abcdef")
    client.post("/auth/otp", email=email)  # the first code has no attempts left
    code = mailbox.code(email)

    assert client.post("/login", email=email, otp=code).status == 401


def test_code_whose_user_is_gone_opens_nothing(client, mailbox, alice, sql):
    client.post("/auth/otp", email=alice.email, purpose="login")
    code = mailbox.code(alice.email)
    sql("UPDATE users SET id = 'somebody else'")

    assert client.post("/login", email=alice.email, otp=code).status == 401


def test_login_without_contact_has_no_code(client, alice, sql):
    sql("UPDATE users SET email = NULL")

    assert client.post("/login", username="alice", otp="123456").status == 401
