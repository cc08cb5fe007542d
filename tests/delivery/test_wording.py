"""Every message names its account and says what to do if it was not you."""

import re

import pytest

from authserver.delivery import wording
from authserver.delivery.sender import Refused
from authserver.store.outbox import Message

NOW = 1_700_000_000
MESSAGE = Message(
    id="m1",
    kind="verify_code",
    channel="email",
    recipient="alice@example.org",
    username="alice",
    code_id="c1",
    created_at=NOW,
    expires_at=NOW + 600,
    due_at=NOW,
)
CODES = ["verify_code", "login_code", "reset_code", "contact_code"]
NOTICES = ["account_exists", "password_changed", "contact_changed", "session_theft"]


def compose(code="492039", now=NOW, **changes):
    return wording.compose(
        MESSAGE._replace(**changes),
        public_url="https://auth.example.org",
        code=code,
        now=now,
    )


@pytest.mark.parametrize("kind", [*CODES, *NOTICES])
def test_message_names_account_and_site_and_warns(kind):
    letter = compose(kind=kind)

    assert letter.recipient == "alice@example.org"
    assert "auth.example.org" in letter.subject
    assert "he account alice" in letter.text
    assert re.search("If this (was not you|happens again)", letter.text)


@pytest.mark.parametrize("kind", CODES)
def test_code_stands_alone_on_its_line_and_not_in_the_subject(kind):
    letter = compose(kind=kind)

    assert re.findall(r"^\d{6}$", letter.text, re.MULTILINE) == ["492039"]
    assert "492039" not in letter.subject
    assert "It works for 10 minutes." in letter.text


@pytest.mark.parametrize("kind", NOTICES)
def test_notice_has_no_code_and_says_when(kind):
    letter = compose(kind=kind, code=None)

    assert not re.search(r"\d{6}", letter.text)
    assert "It works for" not in letter.text
    assert "2023-11-14 at 22:13 UTC" in " ".join(letter.text.split())


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (600, "10 minutes"),
        (89, "1 minute"),
        (119, "2 minutes"),
        (120, "2 minutes"),
        (1, "1 minute"),
    ],
)
def test_time_left_is_told_at_the_moment_of_sending(left_s, words):
    assert f"It works for {words}." in compose(now=NOW + 600 - left_s).text


def test_lines_are_short_ascii():
    texts = [compose(kind=kind).text for kind in [*CODES, *NOTICES]]

    assert all(text.isascii() for text in texts)
    assert max(len(line) for text in texts for line in text.splitlines()) <= 72


def test_value_is_never_read_as_a_template():
    letter = compose(username="{site}{when.__class__}")

    assert "{site}{when.__class__}" in letter.text


@pytest.mark.parametrize("field", ["username", "recipient"])
@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\u2028", "\x1b"])
def test_control_character_is_refused_before_it_ends_a_header_line(field, character):
    with pytest.raises(Refused, match="control characters"):
        compose(**{field: f"alice{character}Bcc: eve@example.net"})


def test_kind_without_words_is_refused():
    with pytest.raises(Refused, match="no words for the kind greeting"):
        compose(kind="greeting")
