"""GET /messages/{token}: what would have been sent, on one's own machine."""

import pytest

from authserver import texts
from authserver.delivery.worker import Worker

HERE = {"public_url": "http://localhost:8080", "trusted_proxies": ""}


@pytest.fixture
def app(make_app):
    return make_app(**HERE)


@pytest.fixture
def client(client):
    return client.having(host="localhost:8080")


@pytest.fixture
def path(app):
    return f"/messages/{app.board.token}"


def deliver(app):
    worker = Worker(app)
    worker.send_due()
    worker.stop()


def test_before_anything_was_sent_there_is_nothing_to_read(client, path):
    answer = client.get(path)

    assert (answer.status, answer.payload) == (200, {"messages": []})


def test_code_can_be_read_as_the_console_prints_it(client, app, path, capsys):
    form = {"username": "alice", "email": "alice@example.org"}
    client.post("/auth/register", password="correct horse battery", **form)

    deliver(app)

    [message] = client.get(path).payload["messages"]
    assert message["recipient"] == "alice@example.org"
    assert message["sent_at"] == app.now()
    assert message["text"] in capsys.readouterr().out
    code = next(line for line in message["text"].splitlines() if line.isdigit())
    assert client.post("/auth/verify-otp", email=form["email"], otp=code).status == 200


def test_text_message_has_no_subject(client, app, path):
    form = {"username": "alice", "phone": "+442079460018"}
    client.post("/auth/register", password="correct horse battery", **form)

    deliver(app)

    [message] = client.get(path).payload["messages"]
    assert (message["recipient"], message["subject"]) == ("+442079460018", "")


def test_browser_gets_a_page_that_asks_for_them(app, client, wire, path):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:8080\r\nAccept: text/html\r\n"

    page = wire.send(f"{head}Connection: close\r\n\r\n".encode()).decode()

    assert page.startswith("HTTP/1.1 200 ")
    assert texts.load("en")["pages"]["messages"]["title"] in page
    assert app.board.token not in page
