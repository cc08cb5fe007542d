"""Pages and what they load: sent whole, run nothing that is not ours."""

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from authserver.web import pages
from authserver.web.api import routes

ROOT = Path(__file__).parents[2]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
INLINE = {"style", "srcdoc", "formaction", "action"}

each_page = pytest.mark.parametrize("path", ["/verify", "/reset"])
each_asset = pytest.mark.parametrize("name", sorted(pages.ASSETS))


def ask(wire, path, *lines, method="GET"):
    """Return head and content of an answer as it came over the socket."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines])
    received = wire.send(f"{head}\r\nConnection: close\r\n\r\n".encode())
    head, _, content = received.decode().partition("\r\n\r\n")
    return head, content


def values(head, name):
    return re.findall(rf"^{name}: (.*?)\r?$", head, re.MULTILINE)


class Elements(HTMLParser):
    """What a browser makes of a page: elements, and scripts written in it."""

    def __init__(self, html):
        super().__init__()
        self.found, self.inside = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.found and self.found[-1][0] in ("script", "style"):
            self.inside += data.split()


@each_page
def test_page_is_html_that_nothing_may_keep(wire, path):
    head, content = ask(wire, path)

    assert head.startswith("HTTP/1.1 200 ")
    assert values(head, "Content-Type") == ["text/html; charset=utf-8"]
    assert values(head, "Cache-Control") == ["no-store"]
    assert values(head, "ETag") == []
    assert content.startswith('<!DOCTYPE html>\n<html lang="en">')


@each_page
def test_page_has_one_policy_that_allows_our_own_files_only(wire, path):
    head, _ = ask(wire, path)

    [policy] = values(head, "Content-Security-Policy")
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == POLICY
    assert values(head, "Cross-Origin-Opener-Policy") == ["same-origin"]
    assert values(head, "X-Content-Type-Options") == ["nosniff"]
    assert values(head, "Referrer-Policy") == ["no-referrer"]
    assert len(values(head, "Strict-Transport-Security")) == 1


@each_page
def test_page_has_nothing_that_its_policy_would_stop(wire, path):
    page = Elements(ask(wire, path)[1])

    given = {name for _, attributes in page.found for name in attributes}
    assert page.inside == []
    assert given & INLINE == set()
    assert [name for name in given if name.startswith("on")] == []


@each_page
def test_all_that_a_page_loads_is_there_and_relative(wire, path):
    page = Elements(ask(wire, path)[1])

    loaded = [
        attributes.get("src") or attributes.get("href")
        for tag, attributes in page.found
        if tag in ("script", "link", "img")
    ]
    answers = [ask(wire, f"/{each}")[0].split()[1] for each in loaded]
    assert len(loaded) == 3
    assert all(each.startswith("static/") for each in loaded)
    assert answers == ["200", "200", "200"]


@each_page
def test_page_says_what_is_needed_where_scripts_are_off(wire, path):
    content = ask(wire, path)[1]

    assert re.search("<noscript>.*needs JavaScript.*</noscript>", content, re.DOTALL)
    assert '<form method="post" hidden>' in content  # useless without


@each_page
def test_head_of_a_page_is_its_head(wire, path):
    asked, content = ask(wire, path, method="HEAD")
    got, page = ask(wire, path)

    assert content == ""
    assert values(asked, "Content-Length") == [str(len(page))]
    assert values(asked, "Content-Security-Policy") == values(
        got, "Content-Security-Policy"
    )


@each_asset
def test_asset_is_sent_under_its_own_type_and_checked_again(wire, name):
    head, content = ask(wire, f"/static/{name}")

    assert values(head, "Content-Type") == [pages.ASSETS[name]]
    assert values(head, "Cache-Control") == ["no-cache"]
    assert len(values(head, "ETag")) == 1
    assert content == (pages.FOLDER / name).read_text()


@each_asset
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_asset_that_is_known_is_not_sent_again(wire, name, form):
    etag = values(ask(wire, f"/static/{name}")[0], "ETag")[0]

    line = f"If-None-Match: {form.format(etag)}"
    head, content = ask(wire, f"/static/{name}", line)

    assert head.startswith("HTTP/1.1 304 ")
    assert values(head, "ETag") == [etag]
    assert content == ""


def test_asset_that_has_changed_is_sent_whole(wire):
    head, content = ask(wire, "/static/style.css", 'If-None-Match: "older"')

    assert head.startswith("HTTP/1.1 200 ")
    assert content != ""


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/verify.html",  # a page goes out under its policy or not at all
        "/static/pages.py",
        "/static/../pages.py",
        "/static/..%2fpages.py",
        "/static/%2e%2e/pages.py",
        "/static//etc/passwd",
        "/static/style.css/",
        "/static/style.css%00.js",
        "/static/STYLE.CSS",
        "/verify/",
        "/verify.html",
    ],
)
def test_path_of_a_request_never_reaches_a_file(wire, path):
    head, content = ask(wire, path)

    assert head.split()[1] in ("400", "404")
    assert "not_found" in content or "malformed_request" in content


def test_every_file_is_in_the_table():
    files = {path.name for path in pages.FOLDER.iterdir()}

    assert files == {*pages.ASSETS, "docs.html", "verify.html", "reset.html"}


def test_a_wheel_carries_every_file_that_is_no_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["tool"]["setuptools"]["package-data"]
    carried = {
        path
        for package, patterns in declared.items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }

    present = {
        path
        for path in (ROOT / "authserver").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert present - carried == set()


@pytest.mark.parametrize("name", ["verify.js", "reset.js"])
def test_script_posts_to_a_route_below_the_folder_of_its_page(name):
    script = (pages.FOLDER / name).read_text()

    [path] = re.findall(r'^  path: "(.*)",$', script, re.MULTILINE)
    assert "POST" in routes.find(f"/{path}")[0]


def test_scripts_write_no_html():
    scripts = [path.read_text() for path in pages.FOLDER.glob("*.js")]

    dangerous = re.compile(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval")
    assert not any(dangerous.search(script) for script in scripts)
