"""Colours that can be told apart, also where the accent is the operator's own.

The accent is the README's; the words on it are black or white (style.css).
"""

import re
from collections.abc import Iterator

import pytest

from tests.browser import judges
from tests.browser.conftest import started
from tests.processes import ROOT, ServerProcess

LINK = "token=0123456789abcdefghij&name=alice"
CONTRASTS = """
  const board = document.createElement("canvas").getContext("2d", {
    willReadFrequently: true,
  });
  const shades = (color) => {
    board.fillStyle = color;
    board.fillRect(0, 0, 1, 1);
    return [...board.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const linear = (shade) =>
    shade > 10 ? ((shade / 255 + 0.055) / 1.055) ** 2.4 : shade / 255 / 12.92;
  const light = (color) => {
    const [red, green, blue] = shades(color).map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return high / low;
  };
"""
ACCENTS = """(button) => {
  button.style.transition = "none";
  const found = [];
  for (let number = 0; number < 16 ** 3; number += 1) {
    const accent = `#${number.toString(16).padStart(3, "0")}`;
    document.documentElement.style.setProperty("--accent", accent);
    found.push([contrast(getComputedStyle(button).color, accent), accent]);
  }
  return found;
}"""
BORDERS = """(input) => {
  const style = getComputedStyle(input);
  const card = getComputedStyle(input.closest(".card"));
  const grounds = [style.backgroundColor, card.backgroundColor];
  return grounds.map((ground) => contrast(style.borderTopColor, ground));
}"""


def measured(script: str) -> str:
    return f"(found) => {{ {CONTRASTS} return ({script})(found); }}"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ServerProcess]:
    """A server with the README's colour."""
    folder = tmp_path_factory.mktemp("server")
    found = re.search(r"`(:root \{.*?\})`", (ROOT / "README.md").read_text())
    assert found
    (folder / "own.css").write_text(found[1])
    server = started(folder, {"SITE_STYLE": "own.css"})
    yield server
    server.kill()


def test_colour_of_the_readme_can_be_read_by_day_and_by_night(visitor):
    visitor.open("login")

    assert judges.faults(visitor.page) == []


def test_words_on_an_accent_can_be_read_whatever_the_accent_is(visitor):
    visitor.open("login")

    found = visitor.control("login.submit").evaluate(measured(ACCENTS))

    assert len(found) == 16**3
    assert [each for each in found if each[0] < 4.5] == []


@pytest.mark.parametrize("scheme", [judges.DAY, judges.NIGHT])
def test_border_of_every_field_can_be_seen(visitor, scheme):
    visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    visitor.open(f"verify#{LINK}")

    fields = [visitor.field("form.account"), visitor.field("form.password")]
    found = [each.evaluate(measured(BORDERS)) for each in fields]

    assert min(min(found)) >= 3
