"""Messages on the console, for whoever has no mail server or Twilio (yet).

The person at the keyboard is the postman: the code is printed where
`python server.py` was typed. That is how a newcomer gets through the tour, and
why the text says that nothing was sent and which setting would change it. On a
machine of one's own the same stands on a page as well (`board`).
"""

import sys
import threading
from typing import TextIO

from authserver.board import Board
from authserver.delivery.sender import Letter, TryLater

RULE = "-" * 72


class ConsoleSender:
    """Prints to `stream`, by default standard output, one letter at a time."""

    def __init__(
        self, stream: TextIO | None = None, *, board: Board | None = None
    ) -> None:
        self._stream = stream
        self._board = board
        self._printing = threading.Lock()

    def send(self, letter: Letter) -> None:
        """Print the letter."""
        subject = f"Subject: {letter.subject}\n" if letter.subject else ""
        missing = (
            "no mail server is configured (EMAIL_HOST)"
            if "@" in letter.recipient
            else "nothing is configured for text messages (TWILIO_SID)"
        )
        page = (
            f"{RULE}\n"
            f"Not sent, because {missing}.\n"
            f"To: {letter.recipient}\n"
            f"{subject}"
            f"\n"
            f"{letter.text}"
            f"{RULE}\n"
        )
        stream = self._stream or sys.stdout  # looked up late: it may be replaced
        try:
            with self._printing:
                stream.write(page)
                stream.flush()  # at once, also into a pipe
        except (OSError, ValueError) as error:  # ValueError: closed
            raise TryLater("the console is closed") from error
        if self._board is not None:
            self._board.put_up(
                letter.recipient, letter.subject, letter.text, letter.created_at
            )
