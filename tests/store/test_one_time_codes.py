"""one_time_codes: one live row per subject, purpose and contact, spent once."""

import pytest

from authserver.store import one_time_codes
from authserver.store.database import UniqueViolation
from authserver.store.one_time_codes import OneTimeCode
from tests.store.rows import LATER, NOW

CODE = OneTimeCode(
    id="code 1",
    purpose="login",
    subject_id="alice's id",
    contact="alice@example.org",
    channel="email",
    kid="kid",
    created_at=NOW,
    expires_at=NOW + 600,
    attempts_left=2,
)
FRESH = CODE._replace(
    id="code 2", created_at=LATER, expires_at=LATER + 600, attempts_left=5
)


def spend(do, code=CODE, *, now=LATER, by="operation 1"):
    return do(one_time_codes.spend, code, now=now, operation_id=by)


def stored(do):
    return do(
        one_time_codes.find_by_subject,
        CODE.subject_id,
        purpose=CODE.purpose,
        contact=CODE.contact,
    )


def test_code_is_found_by_id_and_by_subject(do):
    do(one_time_codes.insert, CODE)

    assert do(one_time_codes.find_by_id, "code 1") == CODE
    assert do(one_time_codes.find_by_id, "code 2") is None
    assert stored(do) == CODE


@pytest.mark.parametrize(
    ("changes", "live"),
    [({}, True), ({"spent_at": NOW}, False), ({"expires_at": NOW}, False)],
)
def test_link_lives_until_it_is_spent_or_expired(changes, live):
    assert CODE._replace(attempts_left=0, **changes).live(now=NOW) is live


def test_second_row_for_a_subject_is_refused(do):
    do(one_time_codes.insert, CODE)

    with pytest.raises(UniqueViolation):
        do(one_time_codes.insert, FRESH)


def test_live_code_is_not_replaced_before_its_time(do):
    do(one_time_codes.insert, CODE)
    early = NOW + 599

    assert do(one_time_codes.update_stale, FRESH, expiring_by=early) is False
    assert stored(do) == CODE
    assert do(one_time_codes.update_stale, FRESH, expiring_by=early + 1) is True
    assert stored(do) == FRESH


def test_spent_and_used_up_codes_are_replaced(do):
    do(one_time_codes.insert, CODE)
    spend(do)
    after_spending = do(one_time_codes.update_stale, CODE, expiring_by=NOW)
    for _ in range(2):
        do(one_time_codes.claim, CODE.id, now=LATER)
    used_up = do(one_time_codes.update_stale, FRESH, expiring_by=NOW)

    assert (after_spending, used_up) == (True, True)
    assert stored(do) == FRESH


@pytest.mark.parametrize(
    "change",
    [{"purpose": "reset"}, {"subject_id": "bob"}, {"contact": "b@example.org"}],
)
def test_code_of_another_is_neither_replaced_nor_spent(do, change):
    do(one_time_codes.insert, CODE)
    other = CODE._replace(**change)

    assert do(one_time_codes.update_stale, other, expiring_by=NOW + 900) is False
    assert stored(do) == CODE


@pytest.mark.parametrize("change", [{"purpose": "reset"}, {"subject_id": "bob"}])
def test_code_is_spent_for_its_purpose_and_subject_only(do, change):
    do(one_time_codes.insert, CODE)

    assert spend(do, CODE._replace(**change)) is False


def test_attempts_are_claimed_and_one_that_was_right_comes_back(do):
    do(one_time_codes.insert, CODE)

    claims = [do(one_time_codes.claim, CODE.id, now=LATER) for _ in range(3)]
    do(one_time_codes.update_unclaimed, CODE.id)

    assert claims == [True, True, False]
    assert stored(do).attempts_left == 1


def test_code_is_spent_once_and_says_by_whom(do):
    do(one_time_codes.insert, CODE)

    first, again = spend(do), spend(do, by="operation 2")

    assert (first, again) == (True, False)
    assert stored(do).spent_by == "operation 1"
    assert do(one_time_codes.claim, CODE.id, now=LATER) is False


def test_expired_code_is_neither_claimed_nor_spent(do):
    do(one_time_codes.insert, CODE)

    assert do(one_time_codes.claim, CODE.id, now=NOW + 600) is False
    assert spend(do, now=NOW + 600) is False


def test_link_is_spent_with_no_attempt_left(do):
    do(one_time_codes.insert, CODE._replace(attempts_left=0))

    assert spend(do) is True


def test_codes_of_a_subject_go_by_purpose_or_all(do):
    do(one_time_codes.insert, CODE)
    do(one_time_codes.insert, CODE._replace(id="2", purpose="grant"))
    do(one_time_codes.insert, CODE._replace(id="3", subject_id="bob"))

    by_purpose = do(one_time_codes.delete_by_purpose, CODE.subject_id, purpose="grant")
    rest = do(one_time_codes.delete_by_subject, CODE.subject_id)

    assert (by_purpose, rest) == (1, 1)
    assert do(one_time_codes.find_by_id, "3") is not None


def test_expired_codes_go_in_batches(do):
    do(one_time_codes.insert, CODE)
    do(one_time_codes.insert, CODE._replace(id="2", subject_id="bob"))

    def delete(now):
        return do(one_time_codes.delete_expired, now=now, limit=1)

    assert [delete(NOW + 599), delete(NOW + 600), delete(NOW + 600)] == [0, 1, 1]
