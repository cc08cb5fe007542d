"""GET /session/active: the session that the request belongs to, or 401."""

from tests.conftest import START


def test_live_session_is_shown(client, alice):
    login = client.having(user_agent="Tester/1.0").post(
        "/login", email=alice.email, password=alice.password
    )

    answer = client.bearer(login.payload["access_token"]).get("/session/active")

    session = answer.payload["session"]
    assert answer.status == 200
    assert answer.payload == {
        "active": True,
        "session": {
            "id": session["id"],
            "created_at": START,
            "last_seen_at": START,
            "expires_at": START + 30 * 86400,
            "address": "192.0.2.1",
            "user_agent": "Tester/1.0",
            "amr": ["pwd"],
            "current": True,
        },
    }


def test_session_opened_by_a_code_says_so(client, mailbox, alice):
    client.post("/auth/otp", email=alice.email, purpose="login")
    login = client.post("/login", email=alice.email, otp=mailbox.code(alice.email))

    answer = client.bearer(login.payload["access_token"]).get("/session/active")

    assert answer.payload["session"]["amr"] == ["otp"]


def test_nobody_is_refused(client):
    assert client.get("/session/active").code == "not_authenticated"


def test_ended_session_is_refused(client, logged_in):
    browser = client.cookie("__Host-session", logged_in.cookies["__Host-session"])
    browser.post("/logout")

    assert browser.get("/session/active").code == "invalid_token"
