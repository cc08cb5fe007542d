"""SITE_NAME, SITE_STYLE, SITE_LOGO: pages look as their operator likes."""

import os
import re

import pytest

from authserver.settings import Settings, SettingsError
from authserver.web import assets, looks, rendering

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def file(tmp_path):
    """Return what writes a file and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def test_style_comes_after_ours(make_app, file):
    app = make_app(site_style=file("own.css", b":root { --accent: #a21caf }"))

    page = rendering.page(app, "login", "en").decode()

    styles = re.findall(r'rel="stylesheet" href="static/[0-9a-f]+/(.*?)"', page)
    assert styles == ["style.css", "site.css"]
    assert assets.of(app).files["site.css"] == b":root { --accent: #a21caf }"


@pytest.mark.parametrize(("content", "name"), [(SVG, "logo.svg"), (PNG, "logo.png")])
def test_logo_takes_the_place_of_ours(make_app, file, content, name):
    app = make_app(site_logo=file("logo.of.any.name", content))

    page = rendering.page(app, "login", "en").decode()

    assert f"/{name}" in page
    assert "icon.svg" not in page
    assert assets.of(app).files[name] == content


@pytest.fixture
def app(make_app, file):
    return make_app(site_logo=file("logo", PNG))


def test_logo_goes_over_the_wire_as_it_is_and_runs_nothing(app, wire):
    path = f"/static/{assets.of(app).version}/logo.png"
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    head, _, content = wire.send(request.encode()).partition(b"\r\n\r\n")

    assert content == PNG
    assert b"\r\nContent-Type: image/png\r\n" in head
    assert b"\r\nContent-Security-Policy: default-src 'none';" in head


def test_other_looks_have_other_addresses(app):
    styled = app._replace(looks={"site.css": b"p {}"}, pages={})

    assert assets.of(styled).version != assets.of(app).version


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "{{main}}{{root}}", '"><img src=x>', "$site &"],
)
def test_name_of_the_site_is_words_whatever_it_is(make_app, name):
    page = rendering.page(make_app(site_name=name), "login", "en").decode()

    shown = name.translate(str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"}))
    assert f" - {shown.replace(chr(34), '&quot;')}</title>" in page
    assert page.count("<main") == 1
    assert "<script>" not in page


@pytest.mark.parametrize("name", [" ", "x" * 61, "a\nb", "a\u202eb", "\0"])
def test_name_that_cannot_be_shown_stops_the_start(name):
    with pytest.raises(SettingsError, match=r"^SITE_NAME must be 1 to 60 characters"):
        Settings(site_name=name)


@pytest.mark.parametrize(
    ("setting", "content", "sentence"),
    [
        ("site_style", b"\xff\xfe", "not UTF-8 text"),
        ("site_style", b"a" * (looks.MAX_BYTES + 1), "larger than 256 KiB"),
        ("site_logo", b"GIF89a", "neither SVG nor PNG"),
        ("site_logo", b"\xff<svg", "neither SVG nor PNG"),
        ("site_logo", b"", "neither SVG nor PNG"),
    ],
)
def test_file_of_the_wrong_kind_stops_the_start(
    make_app, file, setting, content, sentence
):
    with pytest.raises(SettingsError, match=rf"^{setting.upper()} names .*{sentence}"):
        make_app(**{setting: file("wrong", content)})


@pytest.mark.parametrize("setting", ["site_style", "site_logo"])
def test_file_that_is_not_there_stops_the_start(make_app, tmp_path, setting):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        make_app(**{setting: str(tmp_path / "nowhere")})
    with pytest.raises(SettingsError, match="no regular file"):
        make_app(**{setting: str(tmp_path / "pipe")})
    with pytest.raises(SettingsError, match=r"^SITE_"):
        make_app(**{setting: str(tmp_path)})


def test_file_that_is_lost_later_spoils_no_page(make_app, file, tmp_path):
    app = make_app(site_style=file("own.css", b"p {}"))

    (tmp_path / "own.css").unlink()

    assert assets.of(app).files["site.css"] == b"p {}"
