"""What the messages say: subject and plain text of every kind.

    opening: what happened, to which account, where
    the code on a line of its own, and how long it works
    what to do if it was not you

A message is worded when it is sent, from the outbox row and the code that is
derived for it; the outbox itself has neither text nor code. Who reads it must
be able to see which account it is about, so every message names the user name:
otherwise a stranger's registration with your address could pass for yours.

Plain text only: nothing to render, nothing to load, nothing to inject into.
Values fill places in our own texts once (`str.format` does not look into what
it fills in), they are in canonical form, and a control character in one is
refused before it can end a header line.

No links: the code is typed into the page or app that asked for it, so nobody
learns from us to click links in mails about passwords.
"""

import textwrap
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from authserver.delivery.sender import Letter, Refused
from authserver.store.outbox import Message


class Words(NamedTuple):
    """The parts of one kind, with places for username, site and when."""

    subject: str
    opening: str
    warning: str


WIDTH = 72  # columns; RFC 5322 section 2.1.1 wants at most 78, and replies add some
KEEP = "Give the code to nobody, whoever asks."
WORDS = {
    "verify_code": Words(
        "Your code for {site}",
        "Somebody, probably you, registered the account {username} at {site} "
        "with this address. To prove that it is yours, enter this code:",
        "If this was not you, ignore this message: without the code there is no "
        "account with your address. " + KEEP,
    ),
    "login_code": Words(
        "Your login code for {site}",
        "Somebody, probably you, wants to log in to the account {username} at "
        "{site}. The code is:",
        "If this was not you, ignore this message: without the code nobody gets "
        "in. " + KEEP,
    ),
    "reset_code": Words(
        "Your code for a new password at {site}",
        "Somebody, probably you, forgot the password of the account {username} "
        "at {site}. To choose a new one, enter this code:",
        "If this was not you, ignore this message: your password stays as it is. "
        + KEEP,
    ),
    "contact_code": Words(
        "Your code to confirm this address at {site}",
        "The account {username} at {site} asks to be reached here from now on. "
        "To confirm that, enter this code where you are logged in:",
        "If this was not you, ignore this message: without the code nothing "
        "changes. " + KEEP,
    ),
    "account_exists": Words(
        "You already have an account at {site}",
        "Somebody, probably you, gave this address at {site} on {when}. "
        "It already belongs to the account {username}. Log in with that, or ask "
        "for a new password if you forgot yours.",
        "If this was not you, there is nothing to do: nothing was changed, and "
        "whoever tried was not told that you have an account.",
    ),
    "password_changed": Words(
        "Your password at {site} was changed",
        "The password of the account {username} at {site} was changed on {when}. "
        "Other devices have been logged out.",
        "If this was not you, ask for a new password at once: that logs "
        "everybody out who is logged in now.",
    ),
    "contact_changed": Words(
        "An address of your account at {site} was changed",
        "The account {username} at {site} was given a new address on {when} and "
        "is no longer reached here.",
        "If this was not you, somebody has your password: tell whoever runs {site}.",
    ),
    "contact_added": Words(
        "An address was added to your account at {site}",
        "The account {username} at {site} can now be reached at a second address, "
        "added on {when}.",
        "If this was not you, somebody has your password: ask for a new one at once.",
    ),
    "session_theft": Words(
        "A session at {site} was ended for your safety",
        "A session of the account {username} at {site} was ended on {when}, "
        "because the secret that keeps it open was used twice: a copy of it may "
        "be in other hands. Log in again to go on.",
        "If this happens again, change your password and look for strange "
        "programs on your devices.",
    ),
}


def compose(message: Message, *, public_url: str, code: str | None, now: int) -> Letter:
    """Return the letter for a row of the outbox; `code` is None for a notice.

    Raises `Refused` for a kind that has no words and for control characters.
    """
    words = WORDS.get(message.kind)
    if words is None:
        raise Refused(f"no words for the kind {message.kind}")
    if not (message.username + message.recipient).isprintable():
        raise Refused("control characters in user name or recipient")
    values = {
        "username": message.username,
        "site": urlsplit(public_url).netloc,
        "when": _moment(message.created_at),
    }
    parts = [_paragraph(words.opening, values)]
    if code is not None:
        # Alone on its line: easy to see, to mark and to find for a program.
        parts += [code, f"It works for {_minutes(message.expires_at - now)}."]
    parts.append(_paragraph(words.warning, values))
    return Letter(
        message_id=message.id,
        recipient=message.recipient,
        subject=words.subject.format_map(values),
        text="\n\n".join(parts) + "\n",
        created_at=message.created_at,
    )


def _paragraph(words: str, values: dict[str, str]) -> str:
    text = words.format_map(values)
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _minutes(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))  # sent a second late, it is still 10
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d at %H:%M UTC")
