"""The corpus of ambiguous requests, read from `vectors/ambiguous_requests.txt`.

The file says how it is written. Targets carry the number of their case, so that
what any reader saw can be told apart, whoever wrote it down and when.
"""

import re
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parents[1] / "vectors" / "ambiguous_requests.txt"
PARTS = {
    "get": rb"GET /case-NNN HTTP/1.1\r\nHost: a\r\n",
    "post": rb"POST /case-NNN HTTP/1.1\r\nHost: a\r\n",
    "inner": rb"GET /inner-NNN HTTP/1.1\r\nHost: a\r\n\r\n",
}
NUMBER = b"NNN"  # three digits, as long as what stands for them


class Case(NamedTuple):
    """A request, and what of it a server must see."""

    number: int
    name: str
    seen: tuple[str, ...]
    data: bytes

    def get(self, word: str, *lines: str) -> bytes:
        """Return an honest request of the same number."""
        head = (f"GET {self.path(word)} HTTP/1.1", "Host: a", *lines, "", "")
        return "\r\n".join(head).encode()

    def path(self, word: str) -> str:
        return f"/{word}-{self.number:03}"


def cases() -> list[Case]:
    """Return all cases, numbered from 100 in the order of the file."""
    lines = FILE.read_text(encoding="ascii").splitlines()
    entries = [line.split(" | ", 2) for line in lines if line and line[0] != "#"]
    return [
        Case(number, name, tuple(seen.split()), _bytes(text, number))
        for number, (seen, name, text) in enumerate(entries, start=100)
    ]


def _bytes(text: str, number: int) -> bytes:
    for name, part in PARTS.items():
        text = text.replace(f"{{{name}}}", part.decode())
    text = re.sub(r"\{([0-9]+)\*(.*?)\}", lambda match: int(match[1]) * match[2], text)
    data = text.encode().decode("unicode_escape").encode("latin-1")
    return data.replace(NUMBER, b"%03d" % number)
