"""What the server says to people: whole in every language."""

import ast
import re

import pytest

from authserver import errors, texts
from authserver.passwords import policy

PACKAGE = texts.FOLDER.parent
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


def test_another_file_is_another_language(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    (tmp_path / "fr.toml").write_text('language = "Fran\u00e7ais"', encoding="utf-8")

    # Around what is kept of the real ones.
    assert texts.languages.__wrapped__() == ("fr",)
    assert texts.load.__wrapped__("fr") == {"language": "Fran\u00e7ais"}


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


@each_language
def test_every_refusal_is_explained(language):
    explained = texts.load(language)["problems"]

    assert set(explained) == {each.code for each in errors.every()}
    assert {frozenset(each) for each in explained.values()} == {
        frozenset({"title", "detail", "meaning"})
    }


def complaints():
    """What every call of Complaint in the package begins with."""
    trees = (ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py"))
    calls = (node for tree in trees for node in ast.walk(tree))
    return [
        node.args[0]
        for node in calls
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("Complaint", "errors.Complaint")
    ]


@each_language
def test_all_that_may_be_wrong_with_a_field_has_a_sentence(language):
    codes = [code.value for code in complaints()]  # each is written as it is

    assert len(set(codes)) == len(codes)
    assert set(codes) == set(texts.load(language)["fields"])


@each_language
def test_limits_in_the_sentences_are_those_of_the_rules(language):
    sentence = texts.load(language)["fields"]["password_length"]

    assert re.findall("[0-9]+", sentence) == re.findall("[0-9]+", policy.LENGTH.message)


def test_a_text_in_html_is_text():
    hostile = "<script>alert('&quot;')</script>\""

    shown = texts.escaped(hostile)

    assert not set(shown) & set("<>\"'")
