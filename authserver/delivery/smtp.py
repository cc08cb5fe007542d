"""Sending mail: one SMTP conversation per letter (RFC 5321).

    connect, greeting, EHLO, STARTTLS, AUTH    the server as a whole
    MAIL FROM, RCPT TO                         this letter
    DATA, text, "250"                          from here it is theirs

Where it breaks off decides what follows. In the first part every letter would
fare the same: try later, and count it for the breaker. In the second the reply
decides: 4xx try later, 5xx never (section 4.2.1). If the connection breaks in
the third, nobody knows whether the server took the letter.

* TLS is verified (see `sockets`), or nothing is sent: a code must not be read
  on its way, and the password least of all. `EMAIL_SECURITY=none` exists for
  loopback only, which the settings see to.
* Time is bounded twice: `CONNECT_S` to connect, `TALK_S` for everything after,
  absolutely (see `sockets`).
* One recipient, in strict form, checked here again: smtplib takes "a@b.c,
  d@e.f" for a list and cuts an address at a line break.
* The Message-ID is the row's id, so a letter that is sent twice after a crash
  is one message to mail programs. No header tells this machine's name.
* Auto-Submitted keeps holiday replies away (RFC 3834 section 5).

What failed is told by stage and status code, not by the server's words: they
may quote the letter or our password.
"""

import contextlib
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from typing import cast
from urllib.parse import urlsplit

from authserver.delivery import sockets
from authserver.delivery.sender import FateUnknown, Letter, Refused, TryLater
from authserver.delivery.sockets import Watchdog
from authserver.settings import Settings

CONNECT_S = 5.0
TALK_S = 15.0  # with CONNECT_S: a letter takes 20 s at most
QUIT_S = 1.0  # politeness after the letter is delivered

# Atoms and dots, then a host name (RFC 5321 section 4.1.2).
ADDRESS_FORM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
# RFC 3463: class, subject, detail, at the start of a reply's text.
ENHANCED_STATUS = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")


class SmtpSender:
    """Sends letters through the mail server of the settings."""

    def __init__(
        self,
        settings: Settings,
        *,
        connect_s: float = CONNECT_S,
        talk_s: float = TALK_S,
    ) -> None:
        self._settings = settings
        self._connect_s = connect_s
        self._talk_s = talk_s
        self._name = _own_name(settings.public_url)
        self._tls: ssl.SSLContext | None = None
        if settings.email_security != "none":
            self._tls = sockets.tls_context()

    def send(self, letter: Letter) -> None:
        """Deliver the letter to the mail server."""
        if not ADDRESS_FORM.fullmatch(letter.recipient):
            raise Refused("the recipient is not one plain address")
        try:
            mail = self._mail(letter).as_bytes()
        except (ValueError, MessageError) as error:  # their words would quote it
            raise Refused(
                f"no mail can be made of it: {type(error).__name__}"
            ) from error
        with self._conversation() as client:
            self._hand_over(client, letter.recipient, mail)

    def check(self) -> None:
        """Connect, encrypt and log in, and leave without a letter.

        Raises `TryLater`, whatever is wrong.
        """
        with self._conversation() as client:
            try:
                code, text = client.noop()
            except OSError as error:
                reason = _reason("NOOP", client.explain(error))
                raise TryLater(reason, unreachable=True) from error
            if code != 250:
                raise TryLater(f"NOOP: {_status(code, text)}")

    @contextlib.contextmanager
    def _conversation(self) -> Iterator["_Client"]:
        with Watchdog(self._talk_s) as watchdog:
            try:
                client = self._open(watchdog)
            except (OSError, ValueError) as error:  # SMTPException is an OSError
                reason = _reason("opening", watchdog.explain(error))
                raise TryLater(reason, unreachable=True) from error
            with contextlib.closing(client):
                yield client
                # Delivered: whatever happens to the farewell changes nothing.
                with contextlib.suppress(OSError):
                    client.say_goodbye()

    def _open(self, watchdog: Watchdog) -> "_Client":
        """Connect, encrypt and log in: what is the same for every letter."""
        settings = self._settings
        client = _Client(
            (settings.email_host, settings.email_port),
            self._name,
            connect_s=self._connect_s,
            tls=self._tls if settings.email_security == "tls" else None,
            watchdog=watchdog,
        )
        try:
            if settings.email_security == "starttls":
                client.starttls(context=self._tls)  # raises if the server has none
            if settings.email_user:
                client.login(settings.email_user, settings.email_pass)
            client.ehlo_or_helo_if_needed()
        except BaseException:
            client.close()
            raise
        return client

    def _mail(self, letter: Letter) -> EmailMessage:
        mail = EmailMessage(policy=policy.SMTP)  # refuses line breaks in headers
        mail["From"] = self._settings.email_from
        mail["To"] = letter.recipient
        mail["Subject"] = letter.subject
        mail["Date"] = datetime.fromtimestamp(letter.created_at, UTC)
        mail["Message-ID"] = f"<{letter.message_id}@{self._name}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        if letter.html:
            mail.add_alternative(letter.html, subtype="html")
        return mail

    def _hand_over(self, client: "_Client", recipient: str, mail: bytes) -> None:
        try:
            _expect_250("MAIL", *client.mail(self._settings.email_from))
            _expect_250("RCPT", *client.rcpt(recipient))
        except OSError as error:
            reason = _reason("MAIL", client.explain(error))
            raise TryLater(reason, unreachable=True) from error
        try:
            _expect_250("DATA", *client.data(mail))
        except smtplib.SMTPDataError as error:  # it did not want to see the text
            _expect_250("DATA", error.smtp_code, error.smtp_error)
        except OSError as error:
            raise FateUnknown(_reason("DATA", client.explain(error))) from error


class _Client(smtplib.SMTP):
    """smtplib's client, connected and greeted once it is constructed."""

    def __init__(
        self,
        server: tuple[str, int],
        name: str,
        *,
        connect_s: float,
        tls: ssl.SSLContext | None,
        watchdog: Watchdog,
    ) -> None:
        self._tls = tls
        self._watchdog = watchdog
        self.explain = watchdog.explain
        # Without a name smtplib would say what this machine calls itself.
        super().__init__(*server, local_hostname=name, timeout=connect_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect: smtplib calls this, and its SMTP_SSL overrides it too."""
        return self._watchdog.connect(host, port, within_s=timeout, tls=self._tls)

    def say_goodbye(self) -> None:
        """Send QUIT and wait a moment for the reply."""
        cast(socket.socket, self.sock).settimeout(QUIT_S)
        self.quit()


def _expect_250(stage: str, code: int, text: bytes | str) -> None:
    """Return if the server agreed, else raise what its reply means."""
    if code in (250, 251):  # 251: it will forward
        return
    reason = f"{stage}: {_status(code, text)}"
    if 500 <= code < 600:
        raise Refused(reason)
    # 421: "service not available", whatever was asked (section 3.8).
    raise TryLater(reason, unreachable=code == 421)


def _reason(stage: str, error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{stage}: {_status(error.smtp_code, error.smtp_error)}"
    # The text of other errors is the library's, not the server's.
    return f"{stage}: {error if isinstance(error, OSError) else type(error).__name__}"


def _status(code: int, text: bytes | str) -> str:
    raw = text if isinstance(text, bytes) else text.encode("ascii", "replace")
    enhanced = ENHANCED_STATUS.match(raw)
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)


def _own_name(public_url: str) -> str:
    """Return our name for EHLO and Message-ID (RFC 5321 section 4.1.3)."""
    host = urlsplit(public_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
