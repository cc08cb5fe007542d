"""registrations: they reserve nothing, and count only while they live."""

from functools import partial

import pytest

from authserver.store import registrations
from authserver.store.registrations import Live, Registration
from tests.store.rows import NOW

ENDS = NOW + 3600
FIRST = Registration(
    id="1",
    username="alice",
    email="alice@example.org",
    phone="+442079460018",
    password_hash="hash",
    address="192.0.2.1/32",
    created_at=NOW,
    expires_at=ENDS,
)
LISTS = [
    (partial(registrations.list_by_username, first=FIRST.address), FIRST.username),
    (registrations.list_by_email, FIRST.email),
    (registrations.list_by_phone, FIRST.phone),
]
COUNTS = [
    (registrations.count_by_address, FIRST.address),
]


def insert(do, count):
    """Store `count` registrations of one person, each a second later."""
    rows = [
        FIRST._replace(id=str(n), created_at=NOW + n, expires_at=ENDS + n)
        for n in range(count)
    ]
    for row in rows:
        do(registrations.insert, row)
    return rows


def test_registration_is_found_while_it_lives(do):
    do(registrations.insert, FIRST)

    assert do(registrations.find_by_id, "1", now=ENDS - 1) == FIRST
    assert do(registrations.find_by_id, "1", now=ENDS) is None


@pytest.mark.parametrize(("list_by", "name"), LISTS)
def test_live_ones_are_listed_newest_first_and_five_at_most(do, list_by, name):
    rows = insert(do, 7)

    assert do(list_by, name, now=ENDS - 1) == rows[:1:-1]
    assert do(list_by, name, now=ENDS + 4) == rows[:4:-1]
    assert do(list_by, "another", now=NOW) == []


def test_those_of_one_network_are_listed_before_newer_ones_of_others(do):
    rows = insert(do, 3)
    for n in range(3, 9):
        do(
            registrations.insert,
            FIRST._replace(id=str(n), created_at=NOW + n, address="192.0.2.2/32"),
        )

    listed = do(registrations.list_by_username, "alice", first=FIRST.address, now=NOW)

    assert listed[:3] == rows[::-1]
    assert [each.id for each in listed[3:]] == ["8", "7"]


@pytest.mark.parametrize(("count_by", "name"), COUNTS)
def test_live_ones_are_counted_with_the_first_end(do, count_by, name):
    insert(do, 3)

    assert do(count_by, name, now=NOW) == Live(3, ENDS)
    assert do(count_by, name, now=ENDS) == Live(2, ENDS + 1)
    assert do(count_by, "another", now=NOW) == Live(0, None)


def test_registration_is_removed_alone(do):
    insert(do, 2)

    do(registrations.delete_by_id, "1")

    assert do(registrations.find_by_id, "1", now=NOW) is None
    assert do(registrations.find_by_id, "0", now=NOW) == FIRST._replace(id="0")


def test_expired_ones_go_in_batches(do):
    insert(do, 4)

    assert do(registrations.delete_expired, now=ENDS + 2, limit=2) == 2
    assert do(registrations.delete_expired, now=ENDS + 2, limit=2) == 1
    assert do(registrations.find_by_id, "3", now=NOW) is not None
