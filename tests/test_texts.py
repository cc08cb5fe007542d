"""What the server says to people: whole in every language."""

import re

import pytest

from authserver import texts

ENGLISH = texts.load("en")

each_language = pytest.mark.parametrize("language", texts.languages())


def flat(table, path=""):
    """Every text of a language by its full key."""
    if isinstance(table, str):
        return {path: table}
    return {
        key: text
        for name, inner in table.items()
        for key, text in flat(inner, f"{path}.{name}").items()
    }


def places(text):
    return sorted(re.findall(r"\{[^}]*\}|\$\w+", text))


def test_there_are_two_languages_at_least():
    assert {"de", "en"} <= set(texts.languages())


@each_language
def test_a_language_says_all_that_english_says_and_no_more(language):
    assert set(flat(texts.load(language))) == set(flat(ENGLISH))


@each_language
def test_a_sentence_has_the_places_of_its_english_one(language):
    found = {key: places(text) for key, text in flat(texts.load(language)).items()}

    assert found == {key: places(text) for key, text in flat(ENGLISH).items()}


@each_language
def test_no_text_is_empty_or_markup(language):
    wrong = {
        key
        for key, text in flat(texts.load(language)).items()
        if not text.strip() or (not key.startswith(".mail") and "<" in text)
    }

    assert wrong == set()


def test_a_text_in_html_is_text():
    hostile = "<script>alert('&quot;')</script>\""

    shown = texts.escaped(hostile)

    assert not set(shown) & set("<>\"'")
