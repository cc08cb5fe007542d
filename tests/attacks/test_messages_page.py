"""Reading somebody's codes on the page that shows messages that were not sent.

It is for the person at the keyboard of a server on their own machine. Others
may reach that server too: by a proxy in front, by a page whose name points to
127.0.0.1 (DNS rebinding), by guessing. All of them are told what is told of an
address that does not exist.
"""

import io
import logging

import pytest

from authserver import logs

HERE = {"public_url": "http://localhost:8080", "trusted_proxies": ""}
HOST = "localhost:8080"
SECRET = ("alice@example.org", "492039 is your code", "492039", 0)


@pytest.fixture
def app(make_app):
    app = make_app(**HERE)
    app.board.put_up(*SECRET)
    return app


def without(payload, *names):
    return {name: value for name, value in payload.items() if name not in names}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost",
        "localhost:8081",
        "localhost.:8080",
        "127.0.0.1:8080",
        "[::1]:8080",
        "auth.example.org",
        "localhost:8080, localhost:8080",
    ],
)
def test_another_host_finds_nothing_even_with_the_token(client, app, host):
    asked = client.having(host=host)

    found, nothing = asked.get(f"/messages/{app.board.token}"), asked.get("/nothing")

    assert client.having(host=HOST).get(f"/messages/{app.board.token}").status == 200
    assert found.status == 404
    assert without(found.payload, "request_id") == without(
        nothing.payload, "request_id"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: f"{token}x",
        lambda token: token.swapcase(),
        lambda token: "x" * len(token),
        lambda token: "%00",
        lambda token: f"{token[:-1]}%{ord(token[-1]):02x}",
        lambda token: "{token}",
    ],
)
def test_another_token_finds_nothing(client, app, change):
    answer = client.having(host=HOST).get(f"/messages/{change(app.board.token)}")

    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "settings",
    [
        {"public_url": "https://auth.example.org"},
        {**HERE, "email_host": "localhost", "email_from": "a@example.org"},
    ],
)
def test_server_that_the_world_uses_has_no_board(make_app, settings):
    assert make_app(**settings).board is None


def test_token_is_another_one_at_each_start(app, make_settings, tmp_path):
    from authserver import runtime

    url = f"sqlite:///{tmp_path / 'other.db'}"
    other = runtime.create_app(make_settings(**HERE, database_url=url))
    runtime.close(other)

    assert len(app.board.token) >= 43  # 256 bits
    assert other.board.token != app.board.token


@pytest.fixture
def logged():
    """Return all that is logged, as it would be written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("authserver")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel("DEBUG")
    yield stream.getvalue
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("/messages/{}", 200),
        ("/messages/{}?a=b", 200),
        ("/messages/{}/", 404),
        ("/messages/{}/x", 404),
        ("//messages/{}", 404),
        ("/x/messages/{}", 404),
    ],
)
def test_address_is_in_no_line_of_the_log(app, wire, logged, form, status):
    path = form.format(app.board.token)
    head = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"

    answer = wire.send(head.encode())
    app.access.work_up()

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert "/messages/..." in logged()
    assert app.board.token not in logged()


@pytest.mark.parametrize("path", ["/login", "/messages", "/static/x/messages.js"])
def test_other_paths_are_logged_whole(path):
    assert logs.discreet(path) == path
