"""What the messages say: a row of the outbox becomes a letter.

    opening: what happened, to which account, where
    the code on a line of its own, how long it works, the link beside it
    what to do if it was not you

A message is worded when it is sent, from the outbox row and the secrets that
are derived for it; the outbox itself has neither text nor code. Who reads it
must be able to see which account it is about, so every message names the user
name: otherwise a stranger's registration with your address could pass for
yours.

A mail has two parts that say the same, plain text and HTML (RFC 2046 section
5.1.4, the plain one first). Values are escaped in the HTML, and a control
character in one is refused before it can end a header line.

The language is that of the request which caused the message: the best guess at
what its reader understands, as most people are their own reason for mail.

    PUBLIC_URL/verify#token=<link token>&name=<user name>

Links begin with PUBLIC_URL, whatever the request said of its host. The token
stands in the fragment, which browsers send to no server and put into no log or
Referer; the page behind it reads it there. The name lets that page say which
account it is about without asking anybody. Text messages carry no link: too
many swindlers send those.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from string import Template
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from authserver import negotiation, texts
from authserver.delivery import templates
from authserver.delivery.sender import Letter, Refused
from authserver.delivery.templates import Templates
from authserver.store.outbox import Message

WIDTH = 72  # columns; RFC 5322 section 2.1.1 wants at most 78, and replies add some


class Secrets(NamedTuple):
    """What a message hands over, derived when it is sent."""

    code: str
    link_token: str


def compose(
    message: Message,
    words: Templates,
    *,
    public_url: str,
    site_name: str = "",
    secrets: Secrets | None,
    now: int,
) -> Letter:
    """Return the letter for a row of the outbox; a notice has no secrets.

    Raises `Refused` for a kind that has no words and for control characters.
    """
    kind = message.kind
    if kind not in templates.KINDS or (kind in templates.CODES) != bool(secrets):
        raise Refused(f"no words for the kind {kind}")
    if not (message.username + message.recipient).isprintable():
        raise Refused("control characters in user name or recipient")
    # A row may come from a newer version, which spoke more languages.
    known = message.language in texts.languages()
    language = message.language if known else negotiation.DEFAULT
    values = _values(message, language, public_url, secrets, now)
    if message.channel == "sms":  # in which a name of any length has no room
        subject, html = "", ""
        text = words.find(f"{kind}.sms.txt", language).substitute(values).strip()
    else:
        values["site"] = site_name or values["site"]
        page = words.find(f"{kind}.txt", language).substitute(values)
        head, _, body = page.partition("\n\n")
        subject = head.removeprefix("Subject: ").strip()
        text = "\n".join(map(_wrapped, body.strip().split("\n")))
        html = _html(words, kind, language, subject, values)
    return Letter(
        message_id=message.id,
        recipient=message.recipient,
        subject=subject,
        text=f"{text}\n",
        html=html,
        created_at=message.created_at,
    )


def _values(
    message: Message,
    language: str,
    public_url: str,
    secrets: Secrets | None,
    now: int,
) -> dict[str, str]:
    words = texts.load(language)["mail"]["words"]
    created = datetime.fromtimestamp(message.created_at, UTC)
    values = {
        "username": message.username,
        "site": urlsplit(public_url).netloc,
        "when": created.strftime(words["moment"]),
    }
    if secrets is not None:
        values["code"] = secrets.code
        values["minutes"] = _minutes(words, message.expires_at - now)
    page = templates.PAGES.get(message.kind)
    if secrets is not None and page is not None:
        token, name = secrets.link_token, quote(message.username, safe="")
        values["link"] = f"{public_url}/{page}#token={token}&name={name}"
    return values


def _html(
    words: Templates, kind: str, language: str, subject: str, values: Mapping[str, str]
) -> str:
    escaped = {name: texts.escaped(value) for name, value in values.items()}
    return words.find(templates.FRAME, language).substitute(
        language=language,
        subject=texts.escaped(subject),
        content=words.find(f"{kind}.html", language).substitute(escaped).strip(),
    )


def _wrapped(line: str) -> str:
    import textwrap  # not needed before the first mail

    return textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)


def _minutes(words: Mapping[str, str], seconds: int) -> str:
    minutes = max(1, round(seconds / 60))  # sent a second late, it is still 10
    if minutes == 1:
        return words["minute"]
    return Template(words["minutes"]).substitute(number=minutes)
