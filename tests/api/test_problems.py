"""GET /problems/{code}: what the `type` of an error body leads to."""

from urllib.parse import urlsplit

import pytest

from authserver import errors, texts


@pytest.mark.parametrize("refusal", errors.every(), ids=lambda each: each.code)
def test_every_refusal_is_explained(client, refusal):
    answer = client.get(f"/problems/{refusal.code}")

    assert answer.status == 200
    assert answer.payload == {
        "code": refusal.code,
        "status": int(refusal.status),
        "title": refusal.status.phrase,
        "detail": refusal.message,
    }


def test_type_of_an_error_leads_to_its_explanation(client):
    refused = client.get("/auth/me")

    url = urlsplit(refused.payload["type"])
    explained = client.get(url.path)

    assert url.netloc == "auth.example.org"
    assert explained.payload["detail"] == refused.payload["detail"]


@pytest.mark.parametrize("language", texts.languages())
@pytest.mark.parametrize("refusal", errors.every(), ids=lambda each: each.code)
def test_browser_reads_what_happened_and_what_to_do(wire, refusal, language):
    page = opened(wire, f"/problems/{refusal.code}?lang={language}")

    words = texts.load(language)["problems"][refusal.code]
    assert page.startswith("HTTP/1.1 200 ")
    assert f'<html lang="{language}">' in page
    assert all(texts.escaped(text) in page for text in words.values())
    assert 'href="../static/' in page


def opened(wire, path):
    """What a browser gets that opens an address."""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n"
    return wire.send(f"{head}Connection: close\r\n\r\n".encode()).decode()


def test_other_codes_are_not_found(client):
    answer = client.get("/problems/nothing")

    assert (answer.status, answer.code) == (404, "not_found")
