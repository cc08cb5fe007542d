"""What a database counts of its own work, on every engine."""

import pytest

from authserver import errors


def refuse(tx):
    raise errors.InvalidToken("no")


def test_commits_and_what_they_made_last_are_counted(opened):
    before = opened.tally.commits, opened.tally.transactions

    opened.transaction(lambda tx: None)

    assert opened.tally.commits == before[0] + 1
    assert opened.tally.transactions == before[1] + 1
    assert opened.tally.errors == 0


def test_what_was_rolled_back_is_no_transaction_and_no_error(opened):
    before = opened.tally.transactions

    with pytest.raises(errors.InvalidToken):
        opened.transaction(refuse)

    assert opened.tally.transactions == before
    assert opened.tally.errors == 0


def test_what_the_database_cannot_do_is_an_error(opened):
    opened.close()

    for ask in (opened.transaction, opened.read):
        with pytest.raises(errors.Unavailable):
            ask(lambda tx: None)

    assert opened.tally.errors == 2


def test_nobody_waits_for_an_idle_database(opened):
    opened.transaction(lambda tx: None)

    assert opened.waiting == 0
