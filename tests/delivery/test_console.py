"""Without a mail server the code appears where the server was started."""

import io

import pytest

from authserver.delivery.console import ConsoleSender
from authserver.delivery.sender import TryLater

from .conftest import LETTER


def test_letter_is_printed_and_says_that_nothing_was_sent():
    stream = io.StringIO()

    ConsoleSender(stream).send(LETTER)

    page = stream.getvalue()
    assert "no mail server is configured (EMAIL_HOST)" in page
    assert "To: alice@example.org\n" in page
    assert "\n492039\n" in page


def test_text_message_names_the_setting_that_would_send_it():
    stream = io.StringIO()

    ConsoleSender(stream).send(LETTER._replace(recipient="+442079460018"))

    assert "configured for text messages (TWILIO_SID)" in stream.getvalue()


def test_standard_output_is_the_default(capsys):
    ConsoleSender().send(LETTER)

    assert "492039" in capsys.readouterr().out


def test_closed_console_is_a_failure_that_may_pass():
    stream = io.StringIO()
    stream.close()

    with pytest.raises(TryLater, match="console is closed"):
        ConsoleSender(stream).send(LETTER)
