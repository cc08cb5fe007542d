r"""Log injection: a stranger writes a line of the log, or on my terminal.

A line break in a path or user agent begins an entry of the attacker's; an
escape sequence moves the cursor or retitles the window; a quote closes the
JSON string that it stands in. One event is one line here, in which nothing
but printable text stands, and in JSON every line is one whole object.
"""

import io
import json

import pytest

from authserver import logs

FORGED = "2026-01-01T00:00:00+00:00 INFO access 0: 192.0.2.1 POST /login 200"
ODDITIES = (
    f"\r\n{FORGED}",
    f"\n{FORGED}",
    f"%0d%0a{FORGED}",
    f"\x85{FORGED}",
    f"\x0b{FORGED}",
    "\x1b[2J\x1b[1;31mall is well",
    "\x1b]0;title\x07",
    "\x9b2J",
    '"}\r\n{"level":"info"}',
    '", "level": "critical", "x": "',
    "%s%s%n{0}{username}${jndi:ldap://x}",
    "\0",
    "\xad\xa0\xff",
    "\\r\\n",
)
HEADS = (
    "GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1{}\r\nHost: x\r\nConnection: close\r\n\r\n",
    "G{} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /auth/me HTTP/1.1\r\nHost: x\r\nUser-Agent: {}\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {}\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: {}\r\nConnection: close\r\n\r\n",
    "GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
)
NAMES = {"time", "level", "logger", "request_id", "message"}
ANSWERED = {"address", "method", "path", "route", "status", "bytes", "ms"}


@pytest.fixture
def log(request):
    """What is logged, in the form that the test asks for."""
    stream = io.StringIO()
    handler = logs.set_up(form=request.param, level="debug", stream=stream)
    yield stream
    logs.take_down(handler)


@pytest.fixture
def lines_of(log, app):
    """What returns the lines as any viewer may see them."""

    def lines():
        app.access.work_up()
        return log.getvalue().splitlines()

    return lines


BOTH = pytest.mark.parametrize("log", ["text", "json"], indirect=True)
AS_JSON = pytest.mark.parametrize("log", ["json"], indirect=True)


@BOTH
@pytest.mark.parametrize("head", HEADS)
def test_no_request_begins_a_line_of_its_own(log, lines_of, wire, head):
    for oddity in ODDITIES:
        wire.send(head.format(oddity).encode("latin-1"))

    lines = lines_of()
    assert len(lines) >= len(ODDITIES)
    assert not [line for line in lines if line.startswith(FORGED[:25])]
    assert log.getvalue().replace("\n", "").isprintable()


@AS_JSON
@pytest.mark.parametrize("head", HEADS)
def test_every_line_of_json_is_one_object_of_ours(log, lines_of, wire, head):
    for oddity in ODDITIES:
        wire.send(head.format(oddity).encode("latin-1"))

    entries = [json.loads(line) for line in lines_of()]
    answered = [each for each in entries if each["logger"] == "authserver.access"]
    others = [each for each in entries if each["logger"] != "authserver.access"]
    assert len(answered) == len(ODDITIES)
    assert all(each.keys() == NAMES for each in others)
    assert all(each.keys() == NAMES | ANSWERED for each in answered)
    assert {each["level"] for each in entries} == {"info"}


@BOTH
def test_no_field_of_a_body_begins_a_line_of_its_own(log, lines_of, client):
    for oddity in ODDITIES:
        client.post("/auth/login", identifier=oddity, password=oddity)
        client.post("/auth/otp", email="a@example.org", purpose=oddity)
        client.post("/auth/refresh", refresh_token=oddity)
        client.send("POST", "/auth/login", json.dumps({oddity: 1}).encode())

    assert not [line for line in lines_of() if line.startswith(FORGED[:25])]
    assert log.getvalue().replace("\n", "").isprintable()


@BOTH
def test_no_traceback_begins_a_line_of_its_own(log, lines_of, client):
    logger = logs.logging.getLogger("authserver.test")
    for oddity in ODDITIES:
        try:
            raise RuntimeError(oddity)
        except RuntimeError:
            logger.exception("failed with %s", oddity)

    assert not [line for line in lines_of() if line.startswith(FORGED[:25])]
    assert log.getvalue().replace("\n", "").isprintable()


@BOTH
def test_user_agent_is_kept_for_its_owner_as_it_was(log, client, alice):
    agent = 'x"}\x1b[31m\x9b<script>'
    login = client.having(user_agent=agent).post(
        "/auth/login", email=alice.email, password=alice.password
    )

    listed = client.bearer(login.payload["access_token"]).get("/sessions")

    assert listed.payload["sessions"][0]["user_agent"] == agent
    assert agent not in log.getvalue()
