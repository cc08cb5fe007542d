"""Secrets in logs: what Twitter, GitHub and Facebook wrote down in clear.

The whole job is done once, at debug level, on a listening server with a mail
server that asks for a password: register, verify, log in, refresh, change,
reset, log out, and what can go wrong with each, up to a mail server that quotes
the letter it refuses and bugs in the middle of a request. Then every secret
that took part is looked for in every place that keeps or tells something.
"""

import contextlib
import http.client
import io
import json
import queue
import re
import socket
import sqlite3
import threading
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from authserver import logs, runtime
from authserver.web.dispatch import Site
from authserver.web.server import Server

SECRET_KEY = "marker-secret-key-marker-secret-key-1234"
EMAIL_PASS = "marker-email-password"
PASSWORD, SECOND, THIRD = "marker-password-1", "marker-password-2", "marker-password-3"
WRONG = "marker-wrong-password"
EMAIL, NEW_EMAIL = "bob@example.org", "bob@example.net"
SECRET_FIELDS = ("access_token", "refresh_token", "reset_token")
PATIENCE_S = 10


class Mail:
    """A mail server that takes a password, and talks too much in refusals."""

    def __init__(self):
        self.codes = queue.Queue()
        self.links = []
        self.logins = set()

    def authenticate(self, server, session, envelope, mechanism, login):
        self.logins.add(login.password.decode())
        return AuthResult(success=True)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's
        mail = message_from_bytes(envelope.content, policy=policy.default)
        text = mail.get_body(("plain",)).get_content()
        self.links += re.findall("#token=(.*)&", text)
        lines = text.splitlines()
        codes = [line for line in lines if re.fullmatch("[0-9]{6}", line)]
        for code in codes:
            self.codes.put(code)
        if envelope.rcpt_tos[0].startswith("refused"):
            return f"550 5.7.1 {EMAIL_PASS} may not say {codes}"
        return "250 OK"


@dataclass
class Evidence:
    """The secrets that took part, and what was kept where."""

    secrets: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def keep(self, place: str, text: str) -> None:
        self.places[place] = self.places.get(place, "") + text


@dataclass
class Browser:
    """Sends requests; takes down all secrets given out, and all refusals."""

    port: int
    mail: Mail
    evidence: Evidence

    def post(self, path, bearer="", cookie="", **body):
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers |= {"Cookie": f"__Host-session={cookie}"} if cookie else {}
        peer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(peer):
            peer.request("POST", path, json.dumps(body), headers)
            answer = peer.getresponse()
            text = answer.read().decode()
        return self._taken_down(answer, text)

    def code(self):
        code = self.mail.codes.get(timeout=PATIENCE_S)
        self.evidence.codes.add(code)
        self.evidence.secrets |= set(self.mail.links)
        return code

    def link(self):
        return self.mail.links[-1]

    def _taken_down(self, answer, text):
        payload = json.loads(text)
        cookie = re.match("[^=]*=([^;]*)", answer.getheader("Set-Cookie", "="))[1]
        given = {payload[name] for name in SECRET_FIELDS if name in payload}
        self.evidence.secrets |= {each for each in (*given, cookie) if each}
        self.evidence.statuses.append(answer.status)
        if answer.status >= 400:
            self.evidence.keep("refusals", f"{answer.msg}{text}")
        return payload | {"cookie": cookie}


def get_an_account(browser):
    browser.post("/register", username="bob", email=EMAIL, password=PASSWORD)
    browser.post("/auth/verify-otp", email=EMAIL, otp="000000")
    code = browser.code()
    browser.post("/verify/confirm", token=browser.link(), password=WRONG)
    browser.post(f"/verify/confirm?token={WRONG}", token=browser.link()[:-1] + "/")
    browser.post("/auth/verify-otp", email=EMAIL, otp=code)
    browser.post("/auth/login", email=EMAIL, password=WRONG)
    browser.post("/auth/login", email=EMAIL, password=PASSWORD, pwd=PASSWORD)
    return browser.post("/auth/login", email=EMAIL, password=PASSWORD)


def use_it(browser, login):
    bearer, refresh_token = login["access_token"], login["refresh_token"]
    browser.post("/protected", bearer=bearer)
    browser.post("/protected", bearer=bearer[:-1])
    browser.post("/protected", cookie=login["cookie"])
    browser.post(f"/protected?access_token={bearer}&password={PASSWORD}")
    browser.post("/auth/refresh", refresh_token=refresh_token)
    browser.post("/auth/refresh", refresh_token=refresh_token + "x")
    browser.post(
        "/auth/contacts", bearer=bearer, email=NEW_EMAIL, current_password=PASSWORD
    )
    browser.post("/otp", bearer=bearer, email=NEW_EMAIL, otp=browser.code())


def change_the_password(browser):
    browser.post("/auth/otp", email=NEW_EMAIL, purpose="login")
    login = browser.post("/auth/login", email=NEW_EMAIL, otp=browser.code())
    change = {"current_password": PASSWORD, "new_password": SECOND}
    browser.post("/auth/password/change", bearer=login["access_token"], **change)
    browser.post("/auth/password/change", cookie=login["cookie"], **change)
    browser.post("/forgot-password", username="bob")
    proof = browser.post("/validate-otp", email=NEW_EMAIL, otp=browser.code())
    reset = {"token": proof["reset_token"], "new_password": THIRD}
    browser.post("/reset-password", **reset)
    browser.post("/reset-password", **reset)
    last = browser.post("/auth/login", username="bob", password=THIRD)
    browser.post("/auth/logout", cookie=last["cookie"])
    browser.post("/auth/refresh", refresh_token=last["refresh_token"])
    return last


def meet_a_mail_server_that_quotes(browser):
    browser.post(
        "/register", username="eve", email="refused@example.org", password=PASSWORD
    )
    browser.code()


def meet_failures(browser, last):
    browser.post("/register", username="amy", email=EMAIL, password=PASSWORD)
    browser.post("/auth/login", email=EMAIL, password=THIRD)
    browser.post("/auth/login", email=EMAIL, otp="271828")
    browser.post("/auth/refresh", refresh_token=last["refresh_token"])
    browser.post("/protected", bearer=last["access_token"])
    browser.post("/protected", cookie=last["cookie"])
    browser.post("/reset-password", token=last["access_token"], new_password=SECOND)


class Broken:
    """A part with a bug: whatever is asked of it fails, quite talkatively."""

    def __getattr__(self, name):
        def fail(*args, **kwargs):
            raise RuntimeError(f"{name} is broken")

        return fail


@contextlib.contextmanager
def listening(app):
    """Serve the app on a port of its own; yields the port."""
    server = Server("127.0.0.1", 0, Site(app))
    server.shared.note = app.access.note
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.stop(drain_s=0)
    thread.join()


@pytest.fixture
def mail_server():
    mail = Mail()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    controller = Controller(
        mail,
        hostname="127.0.0.1",
        port=port,
        authenticator=mail.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    yield mail, port
    controller.stop()


@pytest.fixture(params=["text", "json"])
def evidence(request, make_settings, mail_server, tmp_path, capfd):
    mail, mail_port = mail_server
    settings = make_settings(
        public_url="http://localhost",
        secret_key=(SECRET_KEY.encode(),),
        email_host="127.0.0.1",
        email_port=mail_port,
        email_security="none",
        email_user="marker",
        email_pass=EMAIL_PASS,
        email_from="auth@example.org",
    )
    found, log = (
        Evidence({SECRET_KEY, EMAIL_PASS, PASSWORD, SECOND, THIRD, WRONG}),
        io.StringIO(),
    )
    handler = logs.set_up(form=request.param, level="debug", stream=log)
    app = runtime.create_app(settings)
    running = runtime.serve(app)
    browser = Browser(int(running.url.rpartition(":")[2]), mail, found)
    last = change_the_password_after(browser)
    meet_a_mail_server_that_quotes(browser)
    for broken in ({"database": Broken()}, {"hasher": Broken(), "keyring": Broken()}):
        with listening(app._replace(**broken)) as port:
            meet_failures(replace(browser, port=port), last)
    found.keep("database", read_database(tmp_path))
    app.database.close()
    meet_failures(browser, last)
    running.stop()
    assert mail.logins == {EMAIL_PASS}
    logs.take_down(handler)
    found.keep("database", read_database(tmp_path))
    found.keep("log", log.getvalue())
    found.keep("output", "".join(capfd.readouterr()))
    found.keep("descriptions", f"{settings!r}{app!r}{app.keyring!r}{running!r}")
    return found


def change_the_password_after(browser):
    use_it(browser, get_an_account(browser))
    return change_the_password(browser)


def read_database(folder):
    """Every byte of every file, and every row as SQL text."""
    names = [path for path in sorted(folder.iterdir()) if "accounts" in path.name]
    raw = "".join(path.read_bytes().decode("latin-1") for path in names)
    with contextlib.closing(sqlite3.connect(folder / "accounts.db")) as copy:
        return raw + "\n".join(copy.iterdump())


def test_no_secret_is_kept_or_told_anywhere(evidence):
    told = [
        (place, secret)
        for place, text in evidence.places.items()
        for secret in evidence.secrets
        if secret in text
    ]

    assert told == []


def test_no_code_is_kept_or_told_anywhere(evidence):
    # As a word: six digits in a row may be part of any id.
    word = r"(?<![\w.-]){}(?![\w-])"
    told = [
        (place, code)
        for place, text in evidence.places.items()
        for code in evidence.codes
        if re.search(word.format(code), text)
    ]

    assert told == []


def test_the_whole_job_was_done(evidence):
    # Else nothing would have been at risk.
    assert len(evidence.codes) == 5
    assert len(evidence.secrets) >= 6 + 4 * 3 + 4
    assert {200, 201, 400, 401, 500, 503} <= set(evidence.statuses)
    assert "is broken" in evidence.places["log"]
    assert "Traceback" in evidence.places["log"]
    assert "550 5.7.1" in evidence.places["log"]
    assert "invalid_credentials" in evidence.places["database"]
    assert evidence.places["output"] == ""
