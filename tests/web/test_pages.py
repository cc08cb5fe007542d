"""Pages and what they load: sent whole, run nothing that is not ours."""

import json
import re
import shutil
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest

from authserver import texts
from authserver.web import assets, rendering

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

PAGES = {
    "/": "home",
    "/account": "account",
    "/forgot": "forgot",
    "/login": "login",
    "/register": "register",
    "/reset": "reset",
    "/verify": "verify",
}
BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

each_page = pytest.mark.parametrize("path", PAGES)
each_language = pytest.mark.parametrize("language", texts.languages())
each_asset = pytest.mark.parametrize("name", ["form.js", "style.css", "icon.svg"])


def ask(wire, path, *lines, method="GET"):
    """Return head and content of an answer as it came over the socket."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines])
    received = wire.send(f"{head}\r\nConnection: close\r\n\r\n".encode())
    head, _, content = received.decode().partition("\r\n\r\n")
    return head, content


def at(app, name):
    """Where pages find an asset."""
    return f"/static/{assets.of(app).version}/{name}"


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
    head, content = ask(wire, path, BROWSER)

    assert head.startswith("HTTP/1.1 200 ")
    assert values(head, "Content-Type") == ["text/html; charset=utf-8"]
    assert values(head, "Cache-Control") == ["no-store"]
    assert values(head, "ETag") == []
    assert content.startswith('<!DOCTYPE html>\n<html lang="en">')


@each_page
def test_page_has_one_policy_that_allows_our_own_files_only(wire, path):
    head, _ = ask(wire, path, BROWSER)

    [policy] = values(head, "Content-Security-Policy")
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == POLICY
    assert values(head, "Cross-Origin-Opener-Policy") == ["same-origin"]
    assert values(head, "X-Content-Type-Options") == ["nosniff"]
    assert values(head, "Referrer-Policy") == ["no-referrer"]
    assert len(values(head, "Strict-Transport-Security")) == 1


@each_page
def test_page_has_nothing_that_its_policy_would_stop(wire, path):
    page = Elements(ask(wire, path, BROWSER)[1])

    given = {name for _, attributes in page.found for name in attributes}
    assert page.inside == []
    assert given & INLINE == set()
    assert [name for name in given if name.startswith("on")] == []


@each_page
def test_all_that_a_page_loads_is_there_and_relative(wire, path):
    page = Elements(ask(wire, path, BROWSER)[1])

    loaded = [
        attributes.get("src") or attributes.get("href")
        for tag, attributes in page.found
        if tag in ("script", "link", "img")
    ]
    answers = {each: ask(wire, f"/{each}")[0] for each in loaded}
    assert len(loaded) >= 2
    assert all(re.match(r"static/[0-9a-f]{16}/", each) for each in loaded)
    assert {head.split()[1] for head in answers.values()} == {"200"}
    assert {tuple(values(head, "Cache-Control")) for head in answers.values()} == {
        ("public, max-age=31536000, immutable",)
    }


@each_page
def test_page_says_what_is_needed_where_scripts_are_off(wire, path):
    content = ask(wire, path, BROWSER)[1]

    assert re.search("<noscript>.* need.* JavaScript.*</noscript>", content, re.DOTALL)


@each_page
def test_head_of_a_page_is_its_head(wire, path):
    asked, content = ask(wire, path, BROWSER, method="HEAD")
    got, page = ask(wire, path, BROWSER)

    assert content == ""
    assert values(asked, "Content-Length") == [str(len(page))]
    assert values(asked, "Content-Security-Policy") == values(
        got, "Content-Security-Policy"
    )


@each_asset
def test_asset_of_a_page_may_be_kept_for_good(app, wire, name):
    head, content = ask(wire, at(app, name))

    assert values(head, "Content-Type") == [assets.media_type(name)]
    assert values(head, "Cache-Control") == ["public, max-age=31536000, immutable"]
    assert len(values(head, "ETag")) == 1
    assert content == (assets.FOLDER / name).read_text()


@each_asset
def test_page_from_before_an_update_gets_the_asset_of_today(wire, name):
    head, content = ask(wire, f"/static/0123456789abcdef/{name}")

    assert values(head, "Cache-Control") == ["no-cache"]
    assert content == (assets.FOLDER / name).read_text()


@each_asset
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_asset_that_is_known_is_not_sent_again(app, wire, name, form):
    etag = values(ask(wire, at(app, name))[0], "ETag")[0]

    line = f"If-None-Match: {form.format(etag)}"
    head, content = ask(wire, at(app, name), line)

    assert head.startswith("HTTP/1.1 304 ")
    assert values(head, "ETag") == [etag]
    assert content == ""


def test_asset_that_has_changed_is_sent_whole(app, wire):
    head, content = ask(wire, at(app, "style.css"), 'If-None-Match: "older"')

    assert head.startswith("HTTP/1.1 200 ")
    assert content != ""


def test_any_change_of_any_asset_changes_the_address_of_all(app, tmp_path, monkeypatch):
    before = assets.of(app).version
    shutil.copytree(assets.FOLDER, tmp_path / "static")
    (tmp_path / "static" / "icon.svg").write_text("<svg/>")
    monkeypatch.setattr(assets, "FOLDER", tmp_path / "static")
    app.pages.clear()

    assert assets.of(app).version != before


@each_language
def test_scripts_find_their_sentences_beside_them(app, wire, language):
    content = ask(wire, at(app, f"text.{language}.js"))[1]

    sentences = json.loads(content.removeprefix("export default ").removesuffix(";\n"))
    assert set(sentences) == {"script", "fields", "problems"}
    assert sentences["problems"]["not_found"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/x/",
        "/static/x/verify.html",  # a page goes out under its policy or not at all
        "/static/x/frame.html",
        "/static/x/pages.py",
        "/static/x/../pages.py",
        "/static/x/..%2fpages.py",
        "/static/x/%2e%2e/pages.py",
        "/static/x//etc/passwd",
        "/static//style.css",
        "/static/style.css",
        "/static/x/y/style.css",
        "/static/x/style.css/",
        "/static/x/style.css%00.js",
        "/static/x/STYLE.CSS",
        "/static/x/en.toml",
        "/static/x/text.xx.js",
        "/verify/",
        "/verify.html",
    ],
)
def test_path_of_a_request_never_reaches_a_file(wire, path):
    head, content = ask(wire, path)

    assert head.split()[1] in ("400", "404")
    assert "not_found" in content or "malformed_request" in content


@each_page
@each_language
def test_page_speaks_the_language_of_the_browser(wire, path, language):
    head, content = ask(wire, path, BROWSER, f"Accept-Language: {language}")

    title = texts.load(language)["pages"][PAGES[path]]["title"]
    assert f'<html lang="{language}">' in content
    assert f"<title>{texts.escaped(title)} - authserver</title>" in content
    assert values(head, "Content-Language") == [language]
    assert values(head, "Vary") == ["Accept, Accept-Language, Cookie"]
    assert values(head, "Set-Cookie") == []
    assert "{{" not in content


@each_page
def test_page_offers_each_language_and_remembers_the_choice(wire, path):
    links = re.findall(r'href="(\?lang=\w+)"', ask(wire, path, BROWSER)[1])
    chosen, german = ask(wire, f"{path}?lang=de", BROWSER)

    [cookie] = values(chosen, "Set-Cookie")
    again = ask(wire, path, BROWSER, "Cookie: language=de", "Accept-Language: en")[1]
    assert links == [f"?lang={each}" for each in texts.languages()]
    assert cookie == "language=de; Max-Age=31536000; Path=/; SameSite=Lax; Secure"
    assert german == again
    assert '<html lang="de">' in german


def test_language_that_there_is_not_is_not_remembered(wire):
    head, content = ask(wire, "/verify?lang=%0d%0aX:y&lang=xx", BROWSER)

    assert values(head, "Set-Cookie") == []
    assert '<html lang="en">' in content


def test_planted_cookies_do_not_take_the_page_away(wire):
    planted = "Cookie: __Host-session=a; __Host-session=b; ==;;; language=de"

    head, content = ask(wire, "/login", BROWSER, planted)

    assert head.startswith("HTTP/1.1 200 ")
    assert '<html lang="de">' in content


@pytest.mark.parametrize(
    "app", [{"public_url": "https://a.example/sso"}], indirect=True
)
def test_choice_of_a_language_holds_below_the_folder_of_public_url(wire):
    [cookie] = values(ask(wire, "/login?lang=de", BROWSER)[0], "Set-Cookie")

    assert "; Path=/sso/;" in cookie


@pytest.mark.parametrize(
    "path", ["/nothing", "/problems/nothing", "/a/b/c", "/verify/"]
)
def test_browser_that_goes_astray_gets_a_page_that_knows_the_way_home(wire, path):
    head, content = ask(wire, path, BROWSER)

    page = Elements(content)
    loaded = [
        urljoin(path, attributes["href"])
        for tag, attributes in page.found
        if tag == "link"
    ]
    assert head.startswith("HTTP/1.1 404 ")
    assert texts.load("en")["pages"]["missing"]["title"] in content
    assert all(re.match("/static/[0-9a-f]{16}/", each) for each in loaded)
    assert len(values(head, "Content-Security-Policy")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/" * 8000,
        "/a" * 4000,
        "/a" * 9,
        "//a",
        "/a//b",
        "/{{root}}",
        "/%7B%7Bsite%7D%7D",
        "/<script>",
    ],
)
def test_no_address_makes_much_of_the_page_that_says_no(app, wire, path):
    head, content = ask(wire, path, BROWSER)

    assert head.split()[1] in ("400", "404")
    assert len(content) < 4000
    assert "<script>" not in content
    assert len(app.pages) <= 2


def test_programs_get_json_where_browsers_get_pages(wire):
    index, missing = ask(wire, "/")[1], ask(wire, "/nothing")[1]

    assert json.loads(index)["name"] == "authserver"
    assert json.loads(missing)["code"] == "not_found"


@each_language
def test_every_page_has_its_texts_in_every_language(app, language):
    about = dict.fromkeys(("title", "detail", "meaning", "code", "status"), "<")
    framed = {path.stem for path in assets.FOLDER.glob("*.html")} - {"docs", "frame"}

    pages = [rendering.page(app, each, language, values=about) for each in framed]

    assert [each for each in pages if b"{{" in each] == []


def test_no_text_is_written_for_nothing():
    files = {path.stem: path.read_text() for path in assets.FOLDER.glob("*.html")}
    unshown = [
        f"{page}.{key}"
        for page, words in texts.load("en")["pages"].items()
        for key in words
        if key != "title" and f"{{{{{key}}}}}" not in files.get(page, "")
        if f"{{{{{page}.{key}}}}}" not in "".join(files.values())
    ]

    assert unshown == []


def test_what_is_filled_in_is_neither_markup_nor_a_place(app):
    hostile = dict.fromkeys(("title", "detail", "meaning", "code"), "<b>{{root}}\"'")

    page = rendering.page(app, "problem", "en", values={**hostile, "status": "400"})

    assert b"<b>" not in page
    assert page.count(b"{{root}}&quot;&#x27;") >= 4


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
