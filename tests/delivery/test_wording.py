"""Every message names its account and says what to do if it was not you."""

import re
from html.parser import HTMLParser
from typing import NamedTuple

import pytest

from authserver import texts
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
GSM = re.compile(  # 3GPP TS 23.038, section 6.2.1
    "[A-Za-z\u00c4\u00d6\u00dc\u00e4\u00f6\u00fc\u00df0-9 \\n@$!\"#%&'()*+,./:;<=>?_-]*"
)


class Said(NamedTuple):
    """What a test looks for in the messages of a language."""

    account: str
    warning: str  # a pattern
    works_for: str
    code_is: str
    when: str
    times: dict[int, str]


SAID = {
    "en": Said(
        account="account alice",
        warning="If this (was not you|happens again)",
        works_for="It works for {}.",
        code_is="is your code ",
        when="2023-11-14 at 22:13 UTC",
        times={1: "1 minute", 2: "2 minutes", 10: "10 minutes"},
    ),
    "de": Said(
        account="Konto alice",
        warning="Wenn (Sie das nicht waren|das noch einmal geschieht)",
        works_for="Er gilt {}.",
        code_is="ist Ihr Code",
        when="14.11.2023 um 22:13 Uhr (UTC)",
        times={1: "1 Minute", 2: "2 Minuten", 10: "10 Minuten"},
    ),
}

each_language = pytest.mark.parametrize("language", SAID)


def test_each_language_is_looked_at():
    assert set(SAID) == set(texts.languages())


def plain(letter):
    """The words of the plain part, however its lines are broken."""
    return " ".join(letter.text.split())


def compose(kind="verify_code", public_url=URL, now=NOW, site_name="", **changes):
    return wording.compose(
        MESSAGE._replace(kind=kind, **changes),
        Templates(),
        public_url=public_url,
        site_name=site_name,
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


@each_language
@pytest.mark.parametrize("kind", KINDS)
def test_message_names_account_and_site_and_warns(kind, language):
    letter = compose(kind, language=language)

    assert letter.recipient == "alice@example.org"
    assert SITE in letter.subject
    assert SAID[language].account in plain(letter)
    assert re.search(SAID[language].warning, plain(letter))


@each_language
@pytest.mark.parametrize("kind", CODES)
def test_code_stands_alone_on_its_line_and_not_in_the_subject(kind, language):
    letter, said = compose(kind, language=language), SAID[language]

    assert re.findall(r"^\d{6}$", letter.text, re.MULTILINE) == ["492039"]
    assert "492039" not in letter.subject
    assert said.works_for.format(said.times[10]) in plain(letter)


@each_language
@pytest.mark.parametrize("kind", NOTICES)
def test_notice_has_no_code_and_says_when(kind, language):
    letter, said = compose(kind, language=language), SAID[language]

    assert not re.search(r"\d{6}", letter.text)
    assert said.works_for.partition("{")[0] not in plain(letter)
    assert said.when in plain(letter)


@each_language
@pytest.mark.parametrize("kind", KINDS)
def test_html_part_says_the_same_as_the_plain_one(kind, language):
    letter = compose(kind, language=language)

    said = Page(letter.html).text.split()
    assert [word for word in letter.text.split() if word not in said] == []


@each_language
@pytest.mark.parametrize("kind", KINDS)
def test_html_part_loads_and_runs_nothing(kind, language):
    page = Page(compose(kind, language=language).html)

    names = {tag for tag, _ in page.elements}
    given = {name for _, attributes in page.elements for name in attributes}
    assert names <= {"html", "head", "meta", "title", "body", "p", "strong", "a"}
    assert given <= {"lang", "charset", "name", "content", "style", "href"}
    assert page.elements[0] == ("html", {"lang": language})
    assert "url(" not in compose(kind, language=language).html


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


@each_language
@pytest.mark.parametrize("kind", CODES)
def test_text_message_is_one_short_line_that_begins_with_the_code(kind, language):
    letter = compose_short(kind, username=LONG_NAME, language=language)

    assert (letter.subject, letter.html) == ("", "")
    assert letter.text.startswith(f"492039 {SAID[language].code_is}")
    assert letter.text.count("\n") == 1
    assert SAID[language].account.replace("alice", LONG_NAME) in letter.text
    assert SITE in letter.text
    assert "://" not in letter.text


@each_language
@pytest.mark.parametrize("kind", KINDS)
def test_text_message_costs_one_segment(kind, language):
    letter = compose_short(kind, username=LONG_NAME, language=language)

    # More than 160 characters, or one of another alphabet, are two messages.
    assert len(letter.text.rstrip("\n")) <= 160
    assert GSM.fullmatch(letter.text)


@each_language
@pytest.mark.parametrize(
    ("left_s", "minutes"), [(600, 10), (89, 1), (119, 2), (120, 2), (1, 1)]
)
def test_time_left_is_told_at_the_moment_of_sending(left_s, minutes, language):
    letter, said = compose(now=NOW + 600 - left_s, language=language), SAID[language]

    assert said.works_for.format(said.times[minutes]) in plain(letter)


def test_english_is_ascii():
    assert all(compose(kind).text.isascii() for kind in KINDS)


@each_language
def test_lines_are_short_but_for_the_link(language):
    said = [compose(kind, language=language).text for kind in KINDS]

    lines = [line for text in said for line in text.splitlines()]
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


def test_language_that_nobody_speaks_here_is_english():
    assert compose(language="xx") == compose(language="en")


def test_kind_without_words_is_refused():
    with pytest.raises(Refused, match="no words for the kind greeting"):
        compose("greeting")


@each_language
@pytest.mark.parametrize("kind", KINDS)
def test_mail_has_the_name_that_the_operator_chose(kind, language):
    letter = compose(kind, site_name="Shop <b>", language=language)
    short = compose_short(kind, site_name="Shop <b>", language=language)

    assert "Shop <b>" in letter.subject + letter.text
    assert "Shop &lt;b&gt;" in letter.html
    assert "Shop" not in short.text  # 160 characters are few
