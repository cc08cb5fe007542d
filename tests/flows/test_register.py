"""A name that somebody proves during the hash is taken after it."""

import pytest

from authserver import errors
from authserver.flows import register
from authserver.flows.register import Form


def test_name_taken_meanwhile_is_refused(while_hashing, caller, join, sql):
    bob = join("bob")
    take = "UPDATE users SET username = 'alice' WHERE id = ?"
    app = while_hashing(lambda: sql(take, bob.id))
    form = Form("alice", "correct horse battery", email="alice@example.org")

    with pytest.raises(errors.UsernameTaken):
        register.register(app, caller, form)

    assert sql("SELECT COUNT(*) FROM registrations") == [(0,)]
