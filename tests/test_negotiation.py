"""What somebody is answered in: chosen, asked for, or English."""

import pytest

from authserver import negotiation
from tests.cpu import within

KNOWN = ("de", "en", "pt-br")


def language(*, query="", cookie="", accepted=""):
    return negotiation.language(query, cookie, accepted, KNOWN)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("de-CH", "de"),
        ("de-Latn-CH-1996, en", "de"),
        ("pt-BR, en;q=0.9", "pt-br"),
        ("pt-PT, de;q=0.3", "de"),
        ("en;q=0.8, de", "de"),
        ("de;q=0.8, en;q=0.9", "en"),
        ("fr, de;q=0.5, en;q=0.5", "de"),
        ("fr ; q=1 , de ; q=0.1", "de"),
        ("de;q=0, *", "en"),
        ("de;q=0.000", "en"),
        ("*", "en"),
        ("fr", "en"),
    ],
)
def test_browser_gets_the_language_it_wants_most(accepted, expected):
    assert language(accepted=accepted) == expected


@pytest.mark.parametrize(
    "accepted",
    [
        "\x00",
        "-",
        "--",
        "de--",
        ";;q=1",
        ",,,",
        "de;q=2",  # no weight: as if none were given
        "../../etc/passwd",
        "en.toml",
        "\u0434\u0435",
    ],
)
def test_what_makes_no_sense_is_answered_all_the_same(accepted):
    assert language(accepted=accepted) in KNOWN


@pytest.mark.parametrize(
    "flood",
    [
        "de-" * 5000,
        "x," * 8000 + "de",
        ";q=0.5" * 2500,
        "q=0." + "9" * 16000,
        "-" * 16000,
        ";" * 16000,
        "text/html" + ";a" * 8000,
        "a" + " ;" * 8000,
    ],
)
def test_a_head_full_of_wishes_costs_next_to_nothing(flood):
    def read():
        for _ in range(10):
            language(accepted=flood, cookie=flood, query=flood)
            negotiation.wants_page(flood)

    assert within(0.05, read)  # a few semicolons would take 0.2


def test_what_somebody_chose_counts_before_what_the_browser_says():
    assert language(cookie="language=de", accepted="en") == "de"
    assert language(query="lang=en", cookie="language=de") == "en"
    assert language(query="a=b&lang=de&c=d") == "de"


@pytest.mark.parametrize(
    "cookie",
    [
        "language=xx",
        "language=../de",
        'language="de"',
        "language=",
        "language",
        "my-language=de",
        "language=de=de",
        "LANGUAGE=de",
        "\x00=;;;==",
    ],
)
def test_junk_in_the_cookie_is_as_good_as_no_cookie(cookie):
    assert language(cookie=cookie) == "en"
    assert language(cookie=f"{cookie}; language=de") == "de"


@pytest.mark.parametrize(
    "query", ["lang=xx", "lang=", "lang=%64e", "lang=../de", "xlang=de"]
)
def test_an_address_asks_for_a_language_there_is_or_for_none(query):
    assert negotiation.asked(query, KNOWN) is None


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("application/json, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_page_is_for_who_names_it(accept, page):
    assert negotiation.wants_page(accept) is page
