"""GET and POST /protected: the example of a route for logged-in people."""

import pytest

both = pytest.mark.parametrize("method", ["GET", "POST"])


@both
def test_logged_in_person_is_greeted(client, alice, logged_in, method):
    bearer = client.bearer(logged_in.payload["access_token"])

    answer = bearer.send(method, "/protected")

    assert answer.status == 200
    assert answer.payload == {
        "message": "Hello, alice. You are logged in.",
        "user": {
            "id": alice.id,
            "username": "alice",
            "email": alice.email,
            "phone": None,
            "is_verified": True,
        },
    }


@both
def test_nobody_is_refused(client, method):
    assert client.send(method, "/protected").code == "not_authenticated"


@both
def test_bad_bearer_is_refused(client, method):
    answer = client.bearer("forged").send(method, "/protected")

    assert (answer.status, answer.code) == (401, "invalid_token")
