"""What pages load: scripts, styles, pictures and words, kept for a year.

    /static/3f1c.../style.css      may be kept as long as anybody likes
                                   (RFC 8246), since an address that holds the
    /static/3f1c.../text.de.js     digest of all files never means another one

One digest stands for all files, so that a script that imports its neighbour by
"./link.js" gets the neighbour of its own version. A page that was open during
an update still has the old digest: it is answered with what there is now, but
nobody may keep that.

No path from a request reaches the file system: a name is looked up in a table
of files that were read when the first page was asked for. `site.css` and the
logo are the operator's (`looks`); `text.<language>.js` is made of the sentences
that scripts say.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from authserver import texts
from authserver.app import App
from authserver.web.api import answers

FOLDER = Path(__file__).with_name("static")
MEDIA_TYPES = {
    ".css": answers.CSS,
    ".js": answers.JAVASCRIPT,
    ".png": answers.PNG,
    ".svg": answers.SVG,
}


class Assets(NamedTuple):
    """Every file that pages load, by name, and the digest of them all."""

    version: str
    files: dict[str, bytes]

    @property
    def etag(self) -> str:
        """What tells an answer from an older one of the same address."""
        return f'"{self.version}"'


def of(app: App) -> Assets:
    """Return the files that this app's pages load."""
    if "assets" not in app.pages:
        app.pages["assets"] = _gathered(app)
    found: Assets = app.pages["assets"]
    return found


def media_type(name: str) -> str:
    """Return what a file of `Assets` is."""
    return MEDIA_TYPES[Path(name).suffix]


def _gathered(app: App) -> Assets:
    files = {
        path.name: path.read_bytes()
        for path in sorted(FOLDER.iterdir())
        if path.suffix in MEDIA_TYPES
    }
    files |= {f"text.{each}.js": _sentences(each) for each in texts.languages()}
    files |= app.looks
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return Assets(digest.hexdigest()[:16], files)


def _sentences(language: str) -> bytes:
    """Return what scripts say as a module of theirs; JSON is JavaScript."""
    words = texts.load(language)
    said = {
        "script": words["script"],
        "fields": words["fields"],
        "problems": {code: each["detail"] for code, each in words["problems"].items()},
    }
    content = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"export default {content};\n".encode()
