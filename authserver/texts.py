"""All that the server says to people, in each language that it speaks.

    languages/en.toml      language = "English"     its own name for itself
    languages/de.toml      [pages.verify]           words of a page
                           [script]                 sentences that scripts say
                           [problems.not_found]     what a refusal means
                           [fields]                 what is wrong with a field

A language is a file: another one in this folder is offered on every page, and
tests hold it to the keys of English. Texts are plain, never HTML; whoever puts
one into HTML escapes it, so a text may say < and mean it.

What programs read -- the answers of the API, the log -- stays English: a
program goes by `code`, and whoever reads a log wants to find the words again.

A file is read when somebody first needs its language: it takes 10 ms, which is
a tenth of a start, and a server that is asked by programs alone needs none.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("languages")
# As html.escape does, which would load a table of 2,231 names for it.
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the languages there are, as BCP 47 writes them, lower case."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@functools.cache
def load(language: str) -> Mapping[str, Any]:
    """Return all texts of a language, one of `languages()`."""
    import tomllib  # loads a parser that only texts need

    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def escaped(text: str) -> str:
    """Return a text as HTML, between tags or in a quoted attribute."""
    return text.translate(_ESCAPES)
