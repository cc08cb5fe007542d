"""Of two changes of one password, the one that commits first stands."""

import pytest

from authserver import errors
from authserver.flows import authenticate, change_password
from tests.conftest import OTHER_PASSWORD


def test_password_that_changed_meanwhile_stands(
    while_hashing, caller, alice, logged_in, sql
):
    app = while_hashing(lambda: sql("UPDATE users SET password_version = 2"))
    who = authenticate.by_bearer(app, logged_in.payload["access_token"])

    with pytest.raises(errors.InvalidCredentials, match="meanwhile"):
        change_password.change(app, caller, who, alice.password, OTHER_PASSWORD)

    assert sql("SELECT password_version FROM users") == [(2,)]


def test_owner_without_contact_is_told_nothing(
    app, caller, mailbox, alice, logged_in, sql
):
    sql("UPDATE users SET email = NULL")
    who = authenticate.by_bearer(app, logged_in.payload["access_token"])

    change_password.change(app, caller, who, alice.password, OTHER_PASSWORD)

    assert mailbox.fetch() == []
