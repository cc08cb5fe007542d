"""A message has one owner per attempt, and a lost mail one more attempt."""

import pytest

from authserver.store import outbox
from authserver.store.database import Database
from authserver.store.outbox import Message

NOW = 1_700_000_000
LAPSE_S = 100
MAIL = Message(
    id="m1",
    kind="verify_code",
    channel="email",
    recipient="alice@example.org",
    username="alice",
    code_id="c1",
    created_at=NOW,
    expires_at=NOW + 600,
    due_at=NOW,
)


@pytest.fixture
def database(opened: Database) -> Database:
    return opened


def claim(tx, message, *, now=NOW):
    """Claim a message; return it as its owner knows it, or None."""
    if not outbox.claim(tx, message, now=now, lapses_at=now + LAPSE_S):
        return None
    return outbox.find_by_id(tx, message.id)


def put(database, *messages):
    for message in messages:
        database.transaction(outbox.insert, message)


def found(database, message_id="m1"):
    return database.read(outbox.find_by_id, message_id)


def due(database, *, now=NOW, channel="email"):
    return database.read(outbox.find_by_channel, channel, now=now)


def test_message_survives_a_round_trip(database):
    put(database, MAIL)

    assert found(database) == MAIL
    assert found(database, "other") is None


def test_message_keeps_the_language_it_is_to_be_worded_in(database):
    put(database, MAIL._replace(language="de"))

    assert due(database).language == "de"
    assert found(database).language == "de"


def test_longest_due_message_of_the_channel_comes_first(database):
    put(
        database,
        MAIL._replace(id="later", due_at=NOW + 2),
        MAIL._replace(id="sms", channel="sms", due_at=NOW),
        MAIL._replace(id="first", due_at=NOW + 1),
    )

    assert due(database, now=NOW + 5).id == "first"
    assert due(database, now=NOW + 5, channel="sms").id == "sms"


@pytest.mark.parametrize(
    ("reason", "now"), [("not due", NOW - 1), ("expired", NOW + 600)]
)
def test_message_out_of_its_time_is_neither_found_nor_claimed(database, reason, now):
    put(database, MAIL)

    assert due(database, now=now) is None
    assert database.transaction(claim, MAIL, now=now) is None


def test_claim_counts_the_attempt_and_has_one_winner(database):
    put(database, MAIL)

    first = database.transaction(claim, MAIL)
    second = database.transaction(claim, MAIL)

    assert first == MAIL._replace(attempts=1, status="sending", due_at=NOW + LAPSE_S)
    assert second is None


def test_message_of_a_dead_sender_is_not_simply_claimed(database):
    put(database, MAIL)
    database.transaction(claim, MAIL)

    assert database.transaction(claim, MAIL, now=NOW + LAPSE_S) is None


def test_sent_message_is_never_due_again(database):
    put(database, MAIL)
    claimed = database.transaction(claim, MAIL)

    assert database.transaction(outbox.update_sent, claimed)
    assert found(database).status == "sent"
    assert due(database, now=NOW + 599) is None


def test_message_put_back_is_due_at_its_new_time(database):
    put(database, MAIL)
    claimed = database.transaction(claim, MAIL)

    database.transaction(
        outbox.update_queued, claimed, due_at=NOW + 5, last_error="RCPT: 451"
    )

    assert due(database, now=NOW + 4) is None
    assert due(database, now=NOW + 5).last_error == "RCPT: 451"


def test_message_given_up_says_why(database):
    put(database, MAIL)
    claimed = database.transaction(claim, MAIL)

    assert database.transaction(outbox.update_given_up, claimed, last_error="550")
    assert found(database).status == "given_up"
    assert found(database).last_error == "550"


@pytest.mark.parametrize(
    ("update", "values"),
    [
        (outbox.update_sent, {}),
        (outbox.update_queued, {"due_at": NOW, "last_error": "late"}),
        (outbox.update_given_up, {"last_error": "late"}),
    ],
)
def test_owner_whose_claim_lapsed_changes_nothing(database, update, values):
    put(database, MAIL)
    former = database.transaction(claim, MAIL)
    database.transaction(outbox.update_interrupted, now=NOW + LAPSE_S)
    database.transaction(claim, MAIL, now=NOW + LAPSE_S)

    assert not database.transaction(update, former, **values)
    assert found(database).status == "sending"


def test_claim_of_a_living_owner_is_left_alone(database):
    put(database, MAIL)
    database.transaction(claim, MAIL)

    again = database.transaction(outbox.update_interrupted, now=NOW + LAPSE_S - 1)
    lost = database.transaction(outbox.update_lost, now=NOW + LAPSE_S - 1)

    assert (again, lost) == (0, 0)


def test_mail_whose_sender_died_is_tried_once_more_and_not_twice(database):
    put(database, MAIL)
    database.transaction(claim, MAIL)
    first = database.transaction(outbox.update_interrupted, now=NOW + 100)
    database.transaction(claim, MAIL, now=NOW + 100)

    second = database.transaction(outbox.update_interrupted, now=NOW + 200)
    lost = database.transaction(outbox.update_lost, now=NOW + 200)

    assert (first, second, lost) == (1, 0, 1)
    assert found(database).status == "given_up"


def test_text_message_whose_sender_died_is_never_repeated(database):
    message = MAIL._replace(channel="sms", recipient="+4915112345678")
    put(database, message)
    database.transaction(claim, message)

    again = database.transaction(outbox.update_interrupted, now=NOW + LAPSE_S)
    lost = database.transaction(outbox.update_lost, now=NOW + LAPSE_S)

    assert (again, lost) == (0, 1)
    assert found(database).last_error == "nobody knows whether it was sent"


def test_expired_message_is_given_up(database):
    put(database, MAIL, MAIL._replace(id="m2", expires_at=NOW + 601))

    assert database.transaction(outbox.update_expired, now=NOW + 600) == 1
    assert found(database).last_error == "expired"
    assert found(database, "m2").status == "queued"


def test_full_outbox_drops_what_comes_on_top(database, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_QUEUED", 2)
    put(database, MAIL, MAIL._replace(id="m2"))

    accepted = database.transaction(outbox.insert, MAIL._replace(id="m3"))

    assert not accepted
    assert database.read(outbox.count_by_status, "queued") == 2


def test_room_is_made_by_what_was_sent(database, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_QUEUED", 1)
    put(database, MAIL)
    database.transaction(claim, MAIL)

    assert database.transaction(outbox.insert, MAIL._replace(id="m2"))


def test_finished_messages_are_removed_in_batches_and_others_kept(database):
    finished = [MAIL._replace(id=f"old{number}") for number in range(3)]
    put(database, *finished, MAIL)
    for message in finished:
        claimed = database.transaction(claim, message)
        database.transaction(outbox.update_sent, claimed)
    later = NOW + 86400

    counts = [
        database.transaction(outbox.delete_old, created_before=later, limit=2)
        for _ in range(3)
    ]

    assert counts == [2, 1, 0]
    assert found(database) == MAIL


def test_message_finished_lately_is_kept(database):
    put(database, MAIL)
    database.transaction(outbox.update_sent, database.transaction(claim, MAIL))

    assert database.transaction(outbox.delete_old, created_before=NOW, limit=9) == 0


@pytest.mark.parametrize(
    ("changes", "after_s", "work"),
    [
        ({}, 0, True),
        ({"due_at": NOW + 5}, 4, False),
        ({"due_at": NOW + 5}, 5, True),
        ({"due_at": NOW + 900}, 599, False),
        ({"due_at": NOW + 900}, 600, True),  # expired
    ],
)
def test_message_that_waits_is_work_once_due_or_expired(
    database, changes, after_s, work
):
    put(database, MAIL._replace(**changes))

    assert database.read(outbox.has_work, now=NOW + after_s) == work


@pytest.mark.parametrize(("after_s", "work"), [(LAPSE_S - 1, False), (LAPSE_S, True)])
def test_message_that_is_being_sent_is_work_once_its_claim_lapses(
    database, after_s, work
):
    put(database, MAIL._replace(expires_at=NOW + 5))
    database.transaction(claim, MAIL)

    assert database.read(outbox.has_work, now=NOW + after_s) == work


def test_finished_messages_are_no_work(database):
    put(database, MAIL, MAIL._replace(id="m2"))
    sent = database.transaction(claim, MAIL)
    given_up = database.transaction(claim, MAIL._replace(id="m2"))
    database.transaction(outbox.update_sent, sent)
    database.transaction(outbox.update_given_up, given_up, last_error="refused")

    assert not database.read(outbox.has_work, now=NOW + 9999)
