"""The messages that were not sent, for the page that shows them.

Whoever tries the server out on their own machine has no mail server, so codes
are printed where it was started. This board lets them be read in the browser as
well, by whoever knows its address:

    http://localhost:8080/messages/<43 random characters>

The token in it is new with every start and stands on the console beside the
codes themselves: whoever may read the one may read the other. There is a board
only where nothing is mailed and PUBLIC_URL names this machine (`runtime`); what
asks for it is checked by `web.endpoints.undelivered`.

It keeps the last messages in memory and forgets them with the process.
"""

from collections import deque
from typing import NamedTuple

MOST = 50  # messages; a tour needs five


class Shown(NamedTuple):
    """A message as the page shows it."""

    recipient: str
    subject: str  # empty for a text message
    text: str
    sent_at: int


class Board:
    """The last messages, under a token that opens them."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._shown: deque[Shown] = deque(maxlen=MOST)

    def put_up(self, message: Shown) -> None:
        """Show a message, in place of the oldest one if there are too many."""
        self._shown.append(message)

    def newest_first(self) -> list[Shown]:
        """Return the messages."""
        return list(self._shown)[::-1]
