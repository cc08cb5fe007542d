"""Sending text messages: one request to Twilio's API per message.

    connect, TLS handshake      nothing was asked for yet: try later
    POST .../Messages.json      from here it may be theirs
    the status line             what became of it

    2xx            theirs
    429            "never processed and always safe to retry": later
    503            not now (RFC 9110 section 15.6.4): later
    other 5xx      it failed, they say: once more; to be careful, never again
    401, 403, 404  our account or address is wrong: later, and told loudly
    3xx            likewise; a redirect would carry our token somewhere else
    other 4xx      this message is refused: no such number, unsubscribed, ...
    none           unknown

The quotation is of Twilio's page on the error 20429. That on 20500 warns that a
message may be sent twice when the POST is repeated, as there is no key by which
Twilio would know it again. So a 5xx, which seldom hides a message that was
sent, is worth one more attempt, which pays again. An answer that never came is
worth none: whoever is slow has most likely sent it, each one costs money, and
people can ask for another code.

Twilio's SDK words the request and reads the answer. It is megabytes and a tenth
of a second of imports, so it is loaded with the first message. `Exchange` does
the transport in place of the SDK's own, whose timeout begins anew with every
byte, and which follows HTTPS_PROXY and redirects: where codes go is decided by
TWILIO_BASE_URL alone. TLS is verified against the system's authorities, like
mail. TWILIO_EDGE and TWILIO_REGION, which the SDK reads from the environment,
have no effect: of its URL the path alone is used.

What failed is told by HTTP status and Twilio's number for the error, never by
its words: they quote the number.
"""

import base64
import contextlib
import http.client
import json
import logging
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urlsplit

from authserver import identifiers
from authserver.delivery import sockets
from authserver.delivery.sender import FateUnknown, Letter, Refused, TryLater
from authserver.delivery.sockets import Watchdog
from authserver.settings import Settings

if TYPE_CHECKING:
    from twilio.http.response import Response  # type: ignore[import-untyped]
    from twilio.rest import Client  # type: ignore[import-untyped]

CONNECT_S = 3.0
TALK_S = 7.0  # with CONNECT_S: a message takes 10 s at most
MAX_ANSWER_BYTES = 65_536  # a message resource has about one thousand
API_URL = "https://api.twilio.com"

log = logging.getLogger(__name__)


class TwilioSender:
    """Sends text messages through the Twilio account of the settings."""

    def __init__(
        self,
        settings: Settings,
        *,
        connect_s: float = CONNECT_S,
        talk_s: float = TALK_S,
    ) -> None:
        self._account = (settings.twilio_sid, settings.twilio_token)
        self._from = settings.twilio_phone
        self._base = urlsplit(settings.twilio_base_url or API_URL)
        self._connect_s = connect_s
        self._talk_s = talk_s
        self._tls: ssl.SSLContext | None = None
        if self._base.scheme == "https":
            self._tls = sockets.tls_context()

    def send(self, letter: Letter) -> None:
        """Hand the message over to Twilio."""
        # Anything else would be an address of another kind, as whatsapp:+44...
        if not identifiers.is_phone(letter.recipient):
            raise Refused("the recipient is not one phone number")
        kind = "messaging_service_sid" if self._from.startswith("MG") else "from_"
        with self._conversation() as client:
            client.messages.create(
                to=letter.recipient, body=letter.text, **{kind: self._from}
            )

    def check(self) -> str:
        """Return the account's status ("active"), and send nothing.

        Raises what `send` does.
        """
        with self._conversation() as client:
            return str(client.api.accounts(self._account[0]).fetch().status)

    @contextlib.contextmanager
    def _conversation(self) -> Iterator["Client"]:
        from twilio.base.exceptions import (  # type: ignore[import-untyped]
            TwilioRestException,
            TwilioServiceException,
        )
        from twilio.rest import Client

        with Watchdog(self._talk_s) as watchdog:
            exchange = Exchange(self._base, self._tls, self._connect_s, watchdog)
            try:
                yield Client(*self._account, http_client=exchange)
            except (TwilioRestException, TwilioServiceException) as error:
                _judge(exchange.status, error.code)


class Exchange:
    """One request and its answer: what the SDK calls an `http_client`."""

    def __init__(
        self,
        base: SplitResult,
        tls: ssl.SSLContext | None,
        connect_s: float,
        watchdog: Watchdog,
    ) -> None:
        self.status = 0
        self._base = base
        self._tls = tls
        self._connect_s = connect_s
        self._watchdog = watchdog

    def request(
        self,
        method: str,
        uri: str,
        *,
        data: dict[str, str] | None,  # None: a GET
        headers: dict[str, str],
        auth: tuple[str, str],
        **_: object,  # params, timeout, allow_redirects
    ) -> "Response":
        """Send the request to the base URL; return what came back.

        Raises `TryLater` before the request has begun, `FateUnknown` after.
        """
        from twilio.http.response import Response

        secret = base64.b64encode(":".join(auth).encode()).decode()
        headers = {**headers, "Authorization": f"Basic {secret}"}
        path = self._base.path + urlsplit(uri).path
        try:
            connection = self._open()
        except (OSError, UnicodeError) as error:  # the latter: no host name at all
            reason = _reason("connecting", self._watchdog.explain(error))
            raise TryLater(reason, unreachable=True) from error
        with contextlib.closing(connection):
            try:
                body = None if data is None else urlencode(data)
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                reason = _reason("sending", self._watchdog.explain(error))
                raise FateUnknown(reason) from error
            self.status = answer.status
            text = _read(answer)
        if 200 <= answer.status < 300 and not isinstance(_json(text), dict):
            raise FateUnknown(f"HTTP {answer.status} without a message resource")
        return Response(answer.status, text)

    def _open(self) -> http.client.HTTPConnection:
        host, port = self._base.hostname or "", self._base.port
        connection = (
            http.client.HTTPSConnection(host, port, context=self._tls)
            if self._tls is not None
            else http.client.HTTPConnection(host, port)
        )
        # Connected by us: its own way has no limit for all addresses together.
        connection.sock = self._watchdog.connect(
            host, connection.port, within_s=self._connect_s, tls=self._tls
        )
        return connection


def _read(answer: http.client.HTTPResponse) -> str:
    """Return the body, or nothing: the status line has said what matters."""
    try:
        return answer.read(MAX_ANSWER_BYTES).decode()
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        return ""


def _json(text: str) -> Any:  # noqa: ANN401 - whatever they sent
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _judge(status: int, code: object) -> None:
    """Raise what a status other than 2xx means."""
    # Twilio's own number says more; it is a number, or it is not repeated.
    reason = f"HTTP {status}"
    if type(code) is int and code != status:
        reason += f", error {code}"
    if status in (429, 503):
        raise TryLater(reason, unreachable=True)
    if status >= 500 or status < 300:
        raise FateUnknown(reason, answered=status >= 500)
    if status < 400 or status in (401, 403, 404):
        log.error(
            "Twilio's API refuses this server (%s): check TWILIO_SID, TWILIO_TOKEN "
            "and TWILIO_BASE_URL",
            reason,
        )
        raise TryLater(reason, unreachable=True)
    raise Refused(reason)


def _reason(stage: str, error: Exception) -> str:
    # The system's words for its own errors; others may quote what was sent.
    words = error if isinstance(error, OSError) else type(error).__name__
    return f"{stage}: {words}"
