"""One proof sets one password, however many bring it at once."""

import pytest

from authserver import errors
from authserver.flows import reset
from authserver.flows.reset import Proof
from tests.conftest import OTHER_PASSWORD


@pytest.fixture
def proof(client, mailbox, alice) -> Proof:
    """The grant for a validated code."""
    client.post("/forgot-password", email=alice.email)
    code = mailbox.code(alice.email)
    answer = client.post("/validate-otp", email=alice.email, otp=code)
    return Proof(token=answer.payload["reset_token"])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE one_time_codes SET spent_at = 1",
        "UPDATE users SET password_version = password_version + 1",
        "UPDATE users SET disabled_at = 1",
        "UPDATE users SET email_verified_at = NULL, phone = '+44', "
        "phone_verified_at = 1",
    ],
)
def test_slower_of_two_resets_changes_nothing(
    while_hashing, caller, alice, proof, sql, change
):
    app = while_hashing(lambda: sql(change))
    before = sql("SELECT password_hash FROM users")

    with pytest.raises(errors.InvalidCode, match="faster"):
        reset.finish(app, caller, proof, OTHER_PASSWORD)

    assert sql("SELECT password_hash FROM users") == before
