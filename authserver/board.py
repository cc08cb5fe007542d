"""The messages that were not sent, for the page that shows them.

Whoever tries the server out on their own machine has no mail server, so codes
are printed where it was started. This board lets them be read in the browser as
well, by whoever knows its address:

    http://localhost:8080/messages/<43 random characters>

The token in it is new with every start and stands on the console beside the
codes themselves: whoever may read the one may read the other. There is a board
only where nothing is mailed and PUBLIC_URL names this machine. Who asks for it
is looked at by `web.endpoints.undelivered`.

It keeps the last messages in memory and forgets them with the process.
"""

from collections import deque

from authserver.setting_rules import names_this_machine
from authserver.settings import Settings

MOST = 50  # messages; a tour needs five


class Board:
    """The last messages, under a token that opens them."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._shown: deque[dict[str, str | int]] = deque(maxlen=MOST)

    @property
    def path(self) -> str:
        """The address of the page, below PUBLIC_URL."""
        return f"/messages/{self.token}"

    def put_up(self, recipient: str, subject: str, text: str, sent_at: int) -> None:
        """Show a message, in place of the oldest one if there are too many.

        A text message has no subject: it is empty.
        """
        self._shown.append(
            {
                "recipient": recipient,
                "subject": subject,
                "text": text,
                "sent_at": sent_at,
            }
        )

    def newest_first(self) -> list[dict[str, str | int]]:
        """Return the messages as the page gets them."""
        return list(self._shown)[::-1]


def of(settings: Settings, token: str) -> Board | None:
    """Return the board of a server, None if it has to have none."""
    at_home = names_this_machine(settings.public_url) and not settings.email_configured
    # Of several processes each delivers a part, and any may be asked.
    return Board(token) if at_home and settings.workers == 1 else None
