"""users: unique in all names, and a password replaced meanwhile loses."""

import pytest

from authserver.store import users
from authserver.store.database import UniqueViolation
from tests.store.rows import ALICE, LATER

BOB = ALICE._replace(
    id="bob's id", username="bob", email="bob@example.org", phone="+4930123456"
)


def test_user_is_found_by_every_name(do):
    do(users.insert, ALICE)

    assert do(users.find_by_id, ALICE.id) == ALICE
    assert do(users.find_by_username, "alice") == ALICE
    assert do(users.find_by_email, ALICE.email) == ALICE
    assert do(users.find_by_phone, ALICE.phone) == ALICE


@pytest.mark.parametrize(
    ("find", "name"),
    [
        (users.find_by_id, "nobody"),
        (users.find_by_username, "Alice"),
        (users.find_by_email, "alice@example.ORG"),
        (users.find_by_phone, "442079460018"),
    ],
)
def test_another_spelling_is_nobody(do, find, name):
    do(users.insert, ALICE)

    assert do(find, name) is None


@pytest.mark.parametrize("name", ["id", "username", "email", "phone"])
def test_name_belongs_to_one_user(do, name):
    do(users.insert, ALICE)

    with pytest.raises(UniqueViolation):
        do(users.insert, BOB._replace(**{name: getattr(ALICE, name)}))


def test_two_users_may_lack_the_same_contact(do):
    do(users.insert, ALICE._replace(phone=None))
    do(users.insert, BOB._replace(phone=None))

    assert do(users.find_by_id, BOB.id).phone is None


@pytest.mark.parametrize(
    ("stored", "version", "found"),
    [
        (ALICE, 1, True),
        (ALICE, 2, False),
        (ALICE._replace(disabled_at=1), 1, False),
        (BOB, 1, False),
    ],
)
def test_login_and_new_password_need_the_version_that_was_checked(
    do, stored, version, found
):
    do(users.insert, stored)
    checked = {"password_version": version}

    locked = do(users.lock, ALICE.id, **checked)
    replaced = do(users.update_password, ALICE.id, **checked, password_hash="2")

    after = stored._replace(password_hash="2", password_version=2)
    assert (locked, replaced) == (found, found)
    assert do(users.find_by_id, stored.id) == (after if found else stored)


def test_last_login_is_noted_and_locking_changes_nothing(do):
    do(users.insert, ALICE)

    do(users.lock, ALICE.id, password_version=1)
    before = do(users.find_by_id, ALICE.id)
    do(users.update_last_login, ALICE.id, now=LATER)

    assert before == ALICE
    assert do(users.find_by_id, ALICE.id) == ALICE._replace(last_login_at=LATER)


@pytest.mark.parametrize(("version", "kept"), [(1, "stronger"), (2, "hash 1")])
def test_rehash_never_brings_an_old_password_back(do, version, kept):
    do(users.insert, ALICE)

    do(users.update_hash, ALICE.id, password_hash="stronger", password_version=version)

    user = do(users.find_by_id, ALICE.id)
    assert (user.password_hash, user.password_version) == (kept, 1)


def test_contacts_are_replaced_one_by_one(do):
    do(users.insert, ALICE)
    do(users.insert, BOB)

    do(users.update_email, ALICE.id, "new@example.org", verified_at=LATER)
    do(users.update_phone, ALICE.id, None, verified_at=None)

    assert do(users.find_by_id, BOB.id) == BOB
    assert do(users.find_by_id, ALICE.id) == ALICE._replace(
        email="new@example.org",
        email_verified_at=LATER,
        phone=None,
        phone_verified_at=None,
    )


@pytest.mark.parametrize(
    ("update", "contact"),
    [(users.update_email, ALICE.email), (users.update_phone, ALICE.phone)],
)
def test_contact_in_use_is_not_given_away(do, update, contact):
    do(users.insert, ALICE)
    do(users.insert, BOB)

    with pytest.raises(UniqueViolation):
        do(update, BOB.id, contact, verified_at=LATER)
