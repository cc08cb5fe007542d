"""The HTML part of a mail, made of the plain one: nothing is worded twice.

    an empty line           begins a paragraph
    $code, alone in one     large, to be read from another screen
    $link, alone in one     a button, and the address below it in small print
    $username               in bold

It is plain HTML with the styles inside, because mail programs drop what stands
elsewhere, and it loads nothing: what a mail fetches tells a stranger when and
where it was read. The frame around it is `mail.html`.

What comes in is a text with places, what goes out has the same places: they are
filled later, with values that are escaped by then.
"""

import re
from string import Template

from authserver import texts

_LARGE = (
    "font: bold 32px/1.2 ui-monospace, monospace; letter-spacing: 4px; margin: 24px 0"
)
_BUTTON = (
    "display: inline-block; padding: 12px 24px; border-radius: 6px; "
    "background: #1d4ed8; color: #ffffff; font-weight: bold; text-decoration: none"
)
_CODE = f'<p style="{_LARGE}">$code</p>'
_LINK = f"""\
<p><a href="$link" style="{_BUTTON}">{{label}}</a></p>
<p style="font-size: 13px; overflow-wrap: anywhere">$link</p>"""


def of(text: str, label: str) -> str:
    """Return a text with places as HTML with them; the button says `label`."""
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text))
    return "\n".join(_paragraph(part, label) for part in paragraphs if part)


def _paragraph(text: str, label: str) -> str:
    if text in ("$code", "${code}"):
        return _CODE
    if text in ("$link", "${link}"):
        return _LINK.format(label=texts.escaped(label).replace("$", "$$"))
    lines = texts.escaped(text).replace("\n", "<br>\n")
    return f"<p>{Template.pattern.sub(_emphasised, lines)}</p>"


def _emphasised(place: re.Match[str]) -> str:
    """Return a place as it stands, the user name's in bold."""
    name = place["named"] or place["braced"]
    return f"<strong>{place[0]}</strong>" if name == "username" else place[0]
