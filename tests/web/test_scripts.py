"""The scripts of the pages, as far as reading them tells: they fit all around.

What they do is seen in a browser (`tests.browser`). Here: every address that
they ask is a route, every sentence that they say is written, every element that
they reach for is on their page. And what the log-in page makes a telephone load
stays small, for it is opened where the network is worst.
"""

import re
from urllib.parse import urljoin

import pytest

from authserver import texts
from authserver.web import assets
from authserver.web.api import routes

SCRIPTS = {path.name: path.read_text() for path in assets.FOLDER.glob("*.js")}
PAGES = {path.stem: path.read_text() for path in assets.FOLDER.glob("*.html")}
PARTS = {"contacts": "account", "sessions": "account"}  # of whose page
MAX_BYTES = 40 * 1024  # of the log-in page with all that it loads, not compressed

each_script = pytest.mark.parametrize("name", sorted(set(SCRIPTS) - {"docs.js"}))


def fetched(wire, path, *lines):
    """What is at an address."""
    head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines])
    received = wire.send(f"{head}\r\nConnection: close\r\n\r\n".encode())
    head, _, content = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), path
    return content


def loads(content, language):
    """What a page, a script or a style loads, as it stands there."""
    text = content.decode()
    elements = r'<(?:link|script|img)\b[^>]*? (?:href|src)="([^"]+)"'
    modules = r'\bfrom "(\./[^"]+)"|\bimport "(\./[^"]+)"|\bimport\(`(\./[^`]+)`\)'
    styles = r"\burl\(([^)]+)\)"
    found = re.findall(f"{elements}|{modules}|{styles}", text)
    return {"".join(each).replace("${language}", language) for each in found}


@pytest.mark.parametrize("language", texts.languages())
def test_log_in_page_is_light_with_all_that_it_loads(wire, language):
    accept = ("Accept: text/html", f"Accept-Language: {language}")
    weights, ahead = {}, ["/login"]
    while ahead:
        path = ahead.pop()
        content = fetched(wire, path, *accept)
        weights[path] = len(content)
        named = {urljoin(path, each) for each in loads(content, language)}
        ahead += named - set(weights) - set(ahead)

    names = {path.rpartition("/")[2] for path in weights}
    assert {"login", "login.js", "form.js", f"text.{language}.js", "icon.svg"} <= names
    assert sum(weights.values()) <= MAX_BYTES, weights


@each_script
def test_script_asks_what_there_are_routes_for(name):
    asked = re.findall(r'ask\(\s*"([A-Z]+)",\s*"([a-z/-]+)"', SCRIPTS[name])

    unknown = [each for each in asked if each[0] not in routes.find(f"/{each[1]}")[0]]
    assert unknown == []


@each_script
def test_script_says_what_is_written(name):
    said = set(re.findall(r'\bsay\("([a-z_]+)"', SCRIPTS[name]))
    said |= set(re.findall(r': \["[a-z_]+", "([a-z_]+)"\]', SCRIPTS[name]))  # blame

    assert said - set(texts.load("en")["script"]) == set()


@pytest.mark.parametrize("name", sorted({*PAGES, *PARTS} & {n[:-3] for n in SCRIPTS}))
def test_script_finds_its_elements_on_its_page(name):
    wanted = set(re.findall(r'\belement\("([a-z-]+)"\)', SCRIPTS[f"{name}.js"]))

    given = re.findall(r'\bid="([a-z-]+)"', PAGES[PARTS.get(name, name)])
    assert wanted - set(given) == set()
    assert len(given) == len(set(given))


@each_script
def test_script_writes_no_html_and_keeps_nothing(name):
    markup = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|new Function"
    storage = r"localStorage|sessionStorage|indexedDB|document\.cookie"

    assert not re.search(f"{markup}|{storage}", SCRIPTS[name])


def test_every_label_names_a_field_and_every_field_the_line_below_it():
    for page in PAGES.values():
        given = set(re.findall(r'\bid="([a-z-]+)"', page))
        named = re.findall(r'\b(?:for|aria-[a-z]+by|aria-controls)="([a-z-]+)"', page)
        assert set(named) - given == set()
