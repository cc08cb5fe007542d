"""What messages are worded from: our texts, or the operator's files.

    verify_code.txt        "Subject: ...", an empty line, the plain text
    verify_code.html       the HTML part; else it is made of the plain one
    verify_code.sms.txt    one line for a telephone
    frame.html             what the HTML part stands in, as $content

Ours are texts like all others, in languages/en.toml under [mail.verify_code]. A
file of these names in TEMPLATES_DIR takes their place, one by one. Those in the
folder itself serve every language but those that have a folder of their own in
it: TEMPLATES_DIR/de/verify_code.txt.

`check` reads them all at the start, so a mistake stops the server then and not
somebody's code later. Should one be spoiled while the server runs, ours serves:
a message that looks like another site's is better than none.

Places are written $name (`string.Template`) and filled in once. What is filled
in is never looked at for places again, and there is nothing to reach but the
names listed here: `str.format` would let {username.__class__...} walk through
the program, and a template language runs what is written in it.

A text is read when it is first needed: a server that mails nothing reads none.
"""

import logging
import os
import re
import stat
from pathlib import Path
from string import Template

from authserver import setting_sources, texts
from authserver.delivery import html_part
from authserver.settings import SettingsError

PAGES = {  # what a message's link leads to
    "verify_code": "verify",
    "contact_code": "verify",
    "reset_code": "reset",
}
CODES = frozenset({*PAGES, "login_code"})
KINDS = CODES | {
    "account_exists",
    "password_changed",
    "contact_changed",
    "contact_added",
    "session_theft",
}
FRAME = "frame.html"
OUR_FRAME = Path(__file__).with_name("mail.html")
NAMES = frozenset(
    {FRAME, *(kind + end for kind in KINDS for end in (".txt", ".html", ".sms.txt"))}
)
SUBJECT = re.compile(r"Subject: (?P<words>\S[^\n]*)\n\n\s*\S")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # no text needs one

log = logging.getLogger(__name__)


class BadTemplate(ValueError):
    """Says what is wrong with a file, in words that go on from its name."""


class Templates:
    """The wording in force: `folder` is TEMPLATES_DIR, "" has ours only."""

    def __init__(self, folder: str = "") -> None:
        self._folder = Path(folder) if folder else None
        self._found: dict[tuple[str, str], Template] = {}

    def find(self, name: str, language: str) -> Template:
        """Return the one of `NAMES`; raise `OSError` if ours is away."""
        key = (name, language)
        if key not in self._found:
            self._found[key] = self._own(name, language) or self._ours(name, language)
        return self._found[key]

    def _own(self, name: str, language: str) -> Template | None:
        """Return the operator's, None if there is none that can be used."""
        for folder in _folders(self._folder, name, language):
            if os.path.lexists(folder / name):
                try:
                    return _checked(folder / name)
                except BadTemplate as error:
                    log.warning("%s; our own wording serves", error)
                    return None
        return None

    def _ours(self, name: str, language: str) -> Template:
        if name == FRAME:
            return Template(_text(OUR_FRAME))
        kind, _, form = name.partition(".")
        words = texts.load(language)["mail"][kind]
        if form == "sms.txt":
            return Template(words["sms"])
        if form == "txt":
            return Template(f"Subject: {words['subject']}\n\n{words['text']}")
        # Of the operator's plain text, if there is one: both say the same.
        _, _, text = self.find(f"{kind}.txt", language).template.partition("\n\n")
        return Template(html_part.of(text, words.get("button", "")))


def check(folder: str) -> None:
    """Read all files of the operator; raise `SettingsError` for a bad one."""
    given = _check_folder(folder)
    for language in sorted(given & set(texts.languages())):
        _check_folder(f"{folder}/{language}")


def _check_folder(folder: str) -> set[str]:
    """Read the files of a folder; return the names of all that is in it."""
    try:
        given = {path.name for path in Path(folder).iterdir()}
    except OSError as error:
        raise SettingsError(
            "templates_dir",
            f"names {folder}, which is no folder to read from: {error.strerror}.",
        ) from error
    for name in sorted(given & NAMES):
        try:
            _checked(Path(folder) / name)
        except BadTemplate as error:
            raise SettingsError("templates_dir", f"is in the way: {error}.") from error
    for name in sorted(given - NAMES):
        if name.endswith((".txt", ".html")):
            log.warning("TEMPLATES_DIR has %s, which no message is worded from", name)
    return given


def _folders(folder: Path | None, name: str, language: str) -> list[Path]:
    """Return where a file of the operator's may be, the best place first."""
    if folder is None:
        return []
    of_language = folder / language
    if not of_language.is_dir():
        return [folder]
    return [of_language, folder] if name == FRAME else [of_language]


def _text(path: Path) -> str:
    # Also what editors of other systems write: a mark in front, CR LF.
    with open(path, encoding="utf-8-sig", opener=setting_sources.open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BadTemplate(f"{path} is not a regular file")
        return file.read()


def _checked(path: Path) -> Template:
    """Return the operator's file, or raise `BadTemplate`."""
    try:
        text = _text(path)
    except OSError as error:
        raise BadTemplate(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadTemplate(f"{path} is not UTF-8") from error
    fault = _fault(path.name, text)
    if fault:
        raise BadTemplate(f"{path} {fault}")
    return Template(text)


def _fault(name: str, text: str) -> str | None:
    """Return what is wrong with this text for the file `name`."""
    template, places = Template(text), _places(name)
    if not template.is_valid():
        return "has a $ that begins no name (a dollar sign is $$)"
    used = set(template.get_identifiers())
    unknown = sorted(used - places)
    if unknown:
        known = ", ".join(f"${place}" for place in sorted(places))
        return f"has the unknown place ${unknown[0]} (there are {known})"
    return _lack(name, text, used)


def _lack(name: str, text: str, used: set[str]) -> str | None:
    """Return what a message from this text would be without."""
    kind, _, form = name.partition(".")
    head = SUBJECT.match(text)
    if form == "txt" and not head:
        return "does not begin with a line Subject: and an empty one"
    # Some of these end a line for those who read headers, and U+2028 too.
    if CONTROL.search(text) or (head and not head["words"].isprintable()):
        return "has a control character"
    if name == FRAME and "content" not in used:
        return "lacks $content"
    if kind in CODES and not used & {"code", "link"}:
        return "lacks $code"
    return None if text.strip() else "is empty"


def _places(name: str) -> set[str]:
    if name == FRAME:
        return {"subject", "content", "language"}
    kind, _, form = name.partition(".")
    places = {"username", "site", "when"}
    if kind in CODES:
        places |= {"code", "minutes"}
    if kind in PAGES and form != "sms.txt":
        places.add("link")
    return places
