"""GET /docs: the API for people, in Swagger UI or as a page of our own."""

import html
import re
import sys

import pytest

from authserver.web import assets, pages
from authserver.web.api import openapi
from authserver.web.messages import Request


@pytest.fixture
def ask(client):
    """Return what gets a path and returns the response, body and all."""

    def ask(path):
        head = {"headers": {}, "body": b"", "address": "192.0.2.1", "request_id": "1"}
        return client.site.respond(Request("GET", path, "", **head))

    return ask


@pytest.fixture
def bare(monkeypatch):
    """As if the package with Swagger UI were not installed."""
    monkeypatch.setitem(sys.modules, pages.SWAGGER_PACKAGE, None)


def policies(response):
    return [
        value for name, value in response.headers if name == "Content-Security-Policy"
    ]


def test_swagger_ui_is_shown_under_one_strict_policy(ask, client):
    response = ask("/docs")

    assert client.get("/docs").status == 200
    assert re.search(b'"static/[0-9a-f]{16}/swagger-ui-bundle.js"', response.body)
    [policy] = policies(response)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", pages.SWAGGER_ASSETS)
def test_files_of_the_package_are_sent(ask, client, name):
    response = ask(f"/static/x/{name}")

    assert client.get(f"/static/x/{name}").status == 200
    assert response.content_type == assets.media_type(name)
    assert len(response.body) > 100_000


@pytest.mark.parametrize(
    "name", ["index.html", "oauth2-redirect.html", "swagger-ui.js", "../__init__.py"]
)
def test_no_other_file_of_the_package_is_sent(client, name):
    assert client.get(f"/static/x/{name}").status == 404


@pytest.mark.parametrize("name", pages.SWAGGER_ASSETS)
def test_without_the_package_its_files_are_missing(bare, client, name):
    assert client.get(f"/static/x/{name}").status == 404


def test_without_the_package_the_document_is_told_in_words(bare, ask, client):
    response = ask("/docs")
    page = response.body.decode()
    paths = openapi.document("https://auth.example.org")["paths"]
    titles = {
        html.escape(f"{method.upper()} {path}")
        for path, methods in paths.items()
        for method in methods
    }

    assert client.get("/docs").status == 200
    assert set(re.findall("<h3[^>]*><code>(.*?)</code></h3>", page)) == titles
    assert "<script" not in page
    assert len(policies(response)) == 1


def test_links_within_the_page_lead_somewhere(bare, ask):
    page = ask("/docs").body.decode()

    targets = set(re.findall('href="#([^"]+)"', page))
    assert targets
    assert targets <= set(re.findall('id="([^"]+)"', page))
