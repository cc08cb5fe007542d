"""Every message names its account and says what to do if it was not you."""

import re
from html.parser import HTMLParser

import pytest

from authserver.delivery import templates, wording
from authserver.delivery.sender import Refused
from authserver.delivery.templates import Templates
from authserver.delivery.wording import Secrets
from authserver.store.outbox import Message

NOW = 1_700_000_000
SITE = "auth.example.org"
URL = f"https://{SITE}"
SECRETS = Secrets("492039", "0123456789abcdef0123456789abcdef." + 43 * "k")
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
CODES = sorted(templates.CODES)
LINKED = sorted(templates.PAGES)
NOTICES = sorted(templates.KINDS - templates.CODES)
KINDS = [*CODES, *NOTICES]
LONG_NAME = 32 * "a"
GSM = re.compile(r"[A-Za-z0-9 \n@$!\"#%&'()*+,./:;<=>?_-]*")  # 3GPP TS 23.038, 6.2.1


def compose(kind="verify_code", public_url=URL, now=NOW, **changes):
    return wording.compose(
        MESSAGE._replace(kind=kind, **changes),
        Templates(),
        public_url=public_url,
        secrets=SECRETS if kind in CODES else None,
        now=now,
    )


def compose_short(kind, **changes):
    return compose(kind, channel="sms", recipient="+442079460018", **changes)


class Page(HTMLParser):
    """What a mail program sees of an HTML part: its elements and its words."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("kind", KINDS)
def test_message_names_account_and_site_and_warns(kind):
    letter = compose(kind)

    assert letter.recipient == "alice@example.org"
    assert SITE in letter.subject
    assert "he account alice" in letter.text
    assert re.search("If this (was not you|happens again)", letter.text)


@pytest.mark.parametrize("kind", CODES)
def test_code_stands_alone_on_its_line_and_not_in_the_subject(kind):
    letter = compose(kind)

    assert re.findall(r"^\d{6}$", letter.text, re.MULTILINE) == ["492039"]
    assert "492039" not in letter.subject
    assert "It works for 10 minutes." in letter.text


@pytest.mark.parametrize("kind", NOTICES)
def test_notice_has_no_code_and_says_when(kind):
    letter = compose(kind)

    assert not re.search(r"\d{6}", letter.text)
    assert "It works for" not in letter.text
    assert "2023-11-14 at 22:13 UTC" in " ".join(letter.text.split())


@pytest.mark.parametrize("kind", KINDS)
def test_html_part_says_the_same_as_the_plain_one(kind):
    letter = compose(kind)

    said = Page(letter.html).text.split()
    assert [word for word in letter.text.split() if word not in said] == []


@pytest.mark.parametrize("kind", KINDS)
def test_html_part_loads_and_runs_nothing(kind):
    page = Page(compose(kind).html)

    names = {tag for tag, _ in page.elements}
    given = {name for _, attributes in page.elements for name in attributes}
    assert names <= {"html", "head", "meta", "title", "body", "p", "strong", "a"}
    assert given <= {"lang", "charset", "name", "content", "style", "href"}
    assert page.elements[0] == ("html", {"lang": "en"})
    assert "url(" not in compose(kind).html


@pytest.mark.parametrize(
    ("kind", "page"),
    [("verify_code", "verify"), ("contact_code", "verify"), ("reset_code", "reset")],
)
@pytest.mark.parametrize("public_url", [URL, f"{URL}/a/sub-path"])
def test_link_leads_to_our_page_with_the_token_in_the_fragment(kind, page, public_url):
    letter = compose(kind, public_url=public_url)

    link = f"{public_url}/{page}#token={SECRETS.link_token}&name=alice"
    hrefs = [each["href"] for tag, each in Page(letter.html).elements if tag == "a"]
    assert re.findall(r"^http.*$", letter.text, re.MULTILINE) == [link]
    assert hrefs == [link]


@pytest.mark.parametrize("kind", sorted(templates.KINDS - set(LINKED)))
def test_other_messages_have_no_link(kind):
    letter = compose(kind)

    assert "://" not in letter.text + letter.html


def test_name_cannot_add_to_the_link():
    letter = compose(username="a&token=x#<é")

    assert "&name=a%26token%3Dx%23%3C%C3%A9\n" in letter.text


@pytest.mark.parametrize("kind", CODES)
def test_text_message_is_one_short_line_that_begins_with_the_code(kind):
    letter = compose_short(kind, username=LONG_NAME)

    assert (letter.subject, letter.html) == ("", "")
    assert letter.text.startswith("492039 is your code ")
    assert letter.text.count("\n") == 1
    assert f"account {LONG_NAME}" in letter.text
    assert SITE in letter.text
    assert "://" not in letter.text


@pytest.mark.parametrize("kind", KINDS)
def test_text_message_costs_one_segment(kind):
    letter = compose_short(kind, username=LONG_NAME)

    # More than 160 characters, or one of another alphabet, are two messages.
    assert len(letter.text.rstrip("\n")) <= 160
    assert GSM.fullmatch(letter.text)


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


def test_lines_are_short_ascii_but_for_the_link():
    texts = [compose(kind).text for kind in KINDS]

    lines = [line for text in texts for line in text.splitlines()]
    assert all(text.isascii() for text in texts)
    assert max(len(line) for line in lines if "://" not in line) <= 72


@pytest.mark.parametrize("name", ["$site", "${code}", "{site}{when.__class__}", "$"])
def test_value_is_never_read_as_a_template(name):
    letter = compose(username=name)

    assert f"account {name} " in " ".join(letter.text.split())
    assert name in Page(letter.html).text


@pytest.mark.parametrize("name", ["<b>", "&lt;", "a\"onclick='x", "</title><script>"])
def test_value_is_text_in_the_html_part(name):
    ordinary, letter = compose(), compose(username=name)

    tags = [tag for tag, _ in Page(letter.html).elements]
    assert tags == [tag for tag, _ in Page(ordinary.html).elements]
    assert name in Page(letter.html).text


@pytest.mark.parametrize("field", ["username", "recipient"])
@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\u2028", "\x1b"])
def test_control_character_is_refused_before_it_ends_a_header_line(field, character):
    with pytest.raises(Refused, match="control characters"):
        compose(**{field: f"alice{character}Bcc: eve@example.net"})


def test_kind_without_words_is_refused():
    with pytest.raises(Refused, match="no words for the kind greeting"):
        compose("greeting")
