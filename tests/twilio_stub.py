"""Twilio's Messages resource on a port of this machine, for the real SDK.

    with TwilioStub() as twilio:
        app = make_app(**twilio.settings)
        ...
        assert twilio.texts[0].to == "+442079460018"

It checks account and token, refuses what Twilio refuses (with its numbers), and
keeps what it accepted in `texts`. `twilio.behaviour` says what it does with the
next requests: one of the classes below, by default `Accept`. After `Hang`,
`Drop` and `Dribble` that have read the request, the text counts as accepted:
that is the trouble with a provider that does not answer.
"""

import base64
import contextlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

SID = "AC" + "0123456789abcdef" * 2
TOKEN = "fedcba9876543210" * 2
PHONE = "+12025550123"
DROP_EVERY_S = 0.01  # between two bytes of a server that dribbles
WORDS = {  # some of what Twilio says; it quotes what it was sent
    20003: "Authenticate",
    20404: "The requested resource {path} was not found",
    20429: "Too Many Requests",
    21211: "The 'To' number {to} is not a valid phone number.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21610: "Attempt to send to unsubscribed recipient {to}: {body}",
}


@dataclass(frozen=True)
class Text:
    """One text message as Twilio got it."""

    to: str
    sender: str  # a number, or the id of a messaging service
    body: str


@dataclass(frozen=True)
class Accept:
    """Answer 201, after a while."""

    delay_s: float = 0


@dataclass(frozen=True)
class Refuse:
    """Answer with this status and Twilio's number for the error."""

    status: int
    code: int | None = None  # None: `body`, as a gateway in front might answer
    body: str = "<html>{body}</html>"


@dataclass(frozen=True)
class Hang:
    """Keep the connection and say nothing, before or after reading."""

    reading: bool = True


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer, before or after reading."""

    reading: bool = True


@dataclass(frozen=True)
class Dribble:
    """Answer 201, a byte now and then, for ever."""

    in_head: bool = True  # else head and status come at once, the body dribbles


Behaviour = Accept | Refuse | Hang | Drop | Dribble


@dataclass
class TwilioStub:
    """A running stub; `with` starts and stops it."""

    sid: str = SID
    token: str = TOKEN
    phone: str = PHONE
    behaviour: Behaviour = Accept()
    status: str = "active"  # of the account, or suspended or closed
    texts: list[Text] = field(default_factory=list)  # accepted
    requests: int = 0  # begun, whatever became of them
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> dict[str, str]:
        """What a server is told to send through this stub."""
        return {
            "twilio_sid": self.sid,
            "twilio_token": self.token,
            "twilio_phone": self.phone,
            "twilio_base_url": self.url,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same for a server that is a process of its own."""
        return {name.upper(): value for name, value in self.settings.items()}

    def to(self, number: str) -> list[str]:
        """Return what was sent to a number."""
        return [text.body for text in list(self.texts) if text.to == number]

    def code(self, number: str) -> str:
        """Return the last code that was sent to a number."""
        return re.findall(r"\b[0-9]{6}\b", "\n".join(self.to(number)))[-1]

    def release(self) -> None:
        """Let go of every connection that hangs or dribbles."""
        self.released.set()
        self.released = threading.Event()

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.behaviour = Accept()
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stub: TwilioStub) -> None:
        self.stub = stub
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def handle_one_request(self) -> None:
        self.server.stub.requests += 1
        behaviour = self.server.stub.behaviour
        self.close_connection = True
        if behaviour == Hang(reading=False):
            self.server.stub.released.wait()
        elif behaviour != Drop(reading=False):
            with contextlib.suppress(OSError):  # the client gave up
                super().handle_one_request()

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        form = {name: each[0] for name, each in parse_qs(content.decode()).items()}
        behaviour = self.server.stub.behaviour
        if isinstance(behaviour, Refuse):
            self.refuse(behaviour, form)
            return
        fault = _fault(
            self.server.stub, self.path, self.headers.get("Authorization"), form
        )
        if fault:
            self.refuse(fault, form)
            return
        text = Text(form["To"], _sender(form), form["Body"])
        self.server.stub.texts.append(text)
        self.treat(behaviour, text)

    def do_GET(self) -> None:
        """Show the account: what a client asks for to try its credentials."""
        stub, behaviour = self.server.stub, self.server.stub.behaviour
        fault = behaviour if isinstance(behaviour, Refuse) else None
        if not _authorized(stub, self.headers.get("Authorization")):
            fault = Refuse(401, 20003)
        elif self.path != f"/2010-04-01/Accounts/{stub.sid}.json":
            fault = Refuse(404, 20404)
        if fault:
            self.refuse(fault, {})
        else:
            account = {"sid": stub.sid, "status": stub.status, "type": "Full"}
            self.answer(200, json.dumps(account))

    def treat(self, behaviour: Behaviour, text: Text) -> None:
        if isinstance(behaviour, Hang):
            self.server.stub.released.wait()
        elif isinstance(behaviour, Dribble):
            self.dribble(in_head=behaviour.in_head)
        elif isinstance(behaviour, Accept):
            self.server.stub.released.wait(behaviour.delay_s)
            self.answer(201, json.dumps(_resource(self.server.stub, text)))

    def dribble(self, *, in_head: bool) -> None:
        head = b"HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n"
        self.wfile.write(head[:9] if in_head else head)
        while not self.server.stub.released.wait(DROP_EVERY_S):
            self.wfile.write(b" ")

    def refuse(self, refusal: Refuse, form: dict[str, str]) -> None:
        status, code = refusal.status, refusal.code
        if code is None:
            content = refusal.body.replace("{body}", form.get("Body", ""))
            self.answer(status, content)
            return
        words = WORDS.get(code, "Failed for {to}: {body}").format(
            path=self.path, to=form.get("To"), body=form.get("Body")
        )
        more = f"https://www.twilio.com/docs/errors/{code}"
        error = {"code": code, "message": words, "more_info": more}
        self.answer(status, json.dumps(error | {"status": status}))

    def answer(self, status: int, content: str) -> None:
        body = content.encode(errors="surrogateescape")
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", f"{self.server.stub.url}{self.path}?again")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent."""


def _authorized(stub: TwilioStub, authorization: str | None) -> bool:
    secret = base64.b64encode(f"{stub.sid}:{stub.token}".encode()).decode()
    return authorization == f"Basic {secret}"


def _fault(
    stub: TwilioStub, path: str, authorization: str | None, form: dict[str, str]
) -> Refuse | None:
    """Return what Twilio itself would refuse."""
    if not _authorized(stub, authorization):
        return Refuse(401, 20003)
    if path != f"/2010-04-01/Accounts/{stub.sid}/Messages.json":
        return Refuse(404, 20404)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", "")):
        return Refuse(400, 21211)
    if not _sender(form):
        return Refuse(400, 21603)
    if not form.get("Body"):
        return Refuse(400, 21602)
    return None


def _sender(form: dict[str, str]) -> str:
    return form.get("MessagingServiceSid") or form.get("From", "")


def _resource(stub: TwilioStub, text: Text) -> dict[str, Any]:
    """Return the message resource as Twilio shows a new one."""
    sid = f"SM{len(stub.texts):032x}"
    uri = f"/2010-04-01/Accounts/{stub.sid}/Messages/{sid}"
    moment = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    by_service = text.sender.startswith("MG")
    return {
        "account_sid": stub.sid,
        "api_version": "2010-04-01",
        "body": text.body,
        "date_created": moment,
        "date_sent": None,
        "date_updated": moment,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": None if by_service else text.sender,
        "messaging_service_sid": text.sender if by_service else None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "accepted" if by_service else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": text.to,
        "uri": f"{uri}.json",
    }
