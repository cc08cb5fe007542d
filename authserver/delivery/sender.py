"""What a way of sending is, and the three ways in which it can fail.

    channel   sender
    email     smtp.SmtpSender, or console.ConsoleSender without a mail server
    sms       twilio.TwilioSender; without Twilio console.ConsoleSender too, or
              nothing, once a mail server shows that this is not a first try

A sender takes a worded message and returns when somebody else has taken over
responsibility for it. Otherwise it raises one of the classes below, whose text
goes into the log and the outbox: it names a stage and a status code, never the
message's content, which holds a code, nor a password of ours.
"""

from typing import NamedTuple, Protocol


class TryLater(Exception):
    """Not sent, for a reason that may pass.

    `unreachable` is true when the fault lies with the service as a whole, so
    that other messages would fare no better.
    """

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


class Refused(Exception):
    """Not sent, and trying again would not help."""


class FateUnknown(Exception):
    """The service had the message, and may have sent it.

    `answered` is true when the service itself said that it failed. Otherwise it
    was lost.
    """

    def __init__(self, reason: str, *, answered: bool = False) -> None:
        super().__init__(reason)
        self.answered = answered


class Letter(NamedTuple):
    """A worded message. The same attempt again makes the same letter."""

    message_id: str  # of the outbox row
    recipient: str
    subject: str
    text: str
    created_at: int
    html: str = ""  # the same as a page, for mail programs


class Sender(Protocol):
    """One way of sending."""

    def send(self, letter: Letter) -> None:
        """Hand the letter over.

        Raises `TryLater`, `Refused` or `FateUnknown`.
        """
        ...
