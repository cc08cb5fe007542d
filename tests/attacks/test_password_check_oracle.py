"""Asking the password check who has an account, or what somebody's password is.

It takes an identifier and a password, as a login does. But it compares them
with each other only, so its answer is the same for everybody there is and for
everybody there is not.
"""

import pytest

PATH = "/auth/password/check"


@pytest.mark.parametrize("password", ["correct horse battery", "wrong", "12345678"])
def test_answer_and_cost_are_the_same_for_everybody(counted, tally, alice, password):
    seen = []
    for name in (alice.username, "nobody"):
        body = {"username": name, "email": f"{name}@example.org", "password": password}
        tally.clear()
        seen.append((counted.post(PATH, **body).public(), tally.cost))

    assert seen[0] == seen[1]
    assert seen[0][0][0] == 200


def test_session_of_the_owner_changes_nothing(client, alice, logged_in):
    owner = client.cookie("__Host-session", logged_in.cookies["__Host-session"])
    body = {"username": "bob", "password": alice.password}

    answers = [each.post(PATH, **body).public() for each in (client, owner)]

    assert answers[0] == answers[1]


def test_password_is_in_no_log(client, caplog):
    caplog.set_level("DEBUG")

    client.post(PATH, password="a s3cr3t nobody may read", username="alice")
    client.post(PATH, password="s3cr3t")

    assert "s3cr3t" not in caplog.text
