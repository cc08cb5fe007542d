"""From a page's file and a language's texts to what is sent.

    static/frame.html     head, header, language switch, footer
      {{main}}  <-  static/verify.html       what stands inside <main>

    {{link_lead}}         [pages.verify] link_lead, of the page's own table
    {{form.password}}     [pages.form] password, of a table of another name
    {{static}} {{root}}   the way to what pages load, and to the folder of
                          PUBLIC_URL: "" from /verify, "../" from /problems/x
    {{site}} {{logo}}     SITE_NAME; the name of the logo's file
    {{language}}          as in <html lang="de">

What is filled in is escaped, and never looked at for places again: a site name
may be "<{{root}}>" and is shown like that. A place without a text is a mistake
of ours, which raises; a test renders every page in every language.

There is nothing of a caller in a page: what it shows of people, its script asks
the API for. So each page is filled once per language and kept by the `App`.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from authserver import texts
from authserver.app import App
from authserver.web import assets, looks

MAX_DEPTH = 8  # of folders that a page finds its way out of
_PLACE = re.compile(r"\{\{([a-z_.]+)\}\}")


def page(
    app: App,
    name: str,
    language: str,
    *,
    root: str = "",
    values: Mapping[str, str] | None = None,
) -> bytes:
    """Return a page, `values` filled in beside its texts.

    Pages are kept by what is given here, so there must be few of each.
    """
    given = dict(values or {})
    key = (name, language, root, *given.items())
    if key not in app.pages:
        app.pages[key] = _rendered(app, name, language, root, given).encode()
    content: bytes = app.pages[key]
    return content


def unframed(app: App, file: str) -> bytes:
    """Return a page that brings its own frame and has no texts."""
    return _filled(file, {}, {"static": static_of(app)}).encode()


def static_of(app: App, root: str = "") -> str:
    """Return the way from a page to what it loads."""
    return f"{root}static/{assets.of(app).version}"


def root_of(app: App, path: str) -> str:
    """Return the way from the page at `path` to the folder of PUBLIC_URL.

    From far below, where nothing is anyway, by PUBLIC_URL's own path: pages are
    kept by this, so there must be few of them.
    """
    depth = path.count("/") - 1
    if depth <= MAX_DEPTH and "//" not in path:
        return "../" * depth
    return f"{urlsplit(app.settings.public_url).path}/"


def _rendered(
    app: App, name: str, language: str, root: str, values: Mapping[str, str]
) -> str:
    words = texts.load(language)["pages"]
    loaded = assets.of(app).files
    static = static_of(app, root)
    everywhere = {
        "root": root,
        "static": static,
        "language": language,
        "site": app.settings.site_name,
        "logo": next((each for each in loaded if each.startswith("logo.")), "icon.svg"),
    }
    own = {**words[name], **values, **everywhere}
    main = _filled(f"{name}.html", words, own)
    frame = {**words["frame"], **everywhere, "title": own["title"]}
    style = script = ""
    if looks.STYLE in loaded:
        style = f'<link rel="stylesheet" href="{static}/{looks.STYLE}">\n'
    if f"{name}.js" in loaded:
        # The script chooses what to show, so nothing is shown before it ran.
        # What it asks for last, its words, is fetched beside it.
        script = (
            f'<link rel="modulepreload" href="{static}/text.{language}.js">\n'
            f'<script type="module" blocking="render" src="{static}/{name}.js">'
            "</script>\n"
        )
    markup = {
        "main": main,
        "site_style": style,
        "script": script,
        "switch": _switch(language),
    }
    return _filled("frame.html", words, frame, markup)


def _filled(
    file: str,
    words: Mapping[str, Mapping[str, str]],
    own: Mapping[str, str],
    markup: Mapping[str, str] | None = None,
) -> str:
    """Fill the places of a file; only `markup` is HTML already."""

    def fill(place: re.Match[str]) -> str:
        if markup and place[1] in markup:
            return markup[place[1]]
        table, _, key = place[1].rpartition(".")
        return texts.escaped(words[table][key] if table else own[key])

    template = (assets.FOLDER / file).read_text(encoding="utf-8")
    return _PLACE.sub(fill, template)


def _switch(current: str) -> str:
    """Return a link to the same page in each language."""
    links = []
    for each in texts.languages():
        mark = ' aria-current="true"' if each == current else ""
        name = texts.escaped(texts.load(each)["language"])
        links.append(
            f'<a href="?lang={each}" lang="{each}" hreflang="{each}"{mark}>{name}</a>'
        )
    return "\n".join(links)
