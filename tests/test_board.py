"""The board keeps the last messages, and no more than it has room for."""

from authserver.board import MOST, Board


def test_newest_message_stands_first():
    board = Board("t")

    for subject in ("first", "second"):
        board.put_up("alice@example.org", subject, "", 0)

    assert [each["subject"] for each in board.newest_first()] == ["second", "first"]


def test_oldest_message_goes_when_there_are_too_many():
    board = Board("t")

    for number in range(MOST + 10):
        board.put_up("alice@example.org", str(number), "", 0)

    subjects = [each["subject"] for each in board.newest_first()]
    assert (len(subjects), subjects[-1]) == (50, "10")
