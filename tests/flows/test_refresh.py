"""A rotation that runs twice, as its commit was lost, hands out one pair."""

from authserver import tokens
from authserver.flows import records, refresh
from authserver.store.refresh_tokens import Spending


def test_operation_recognises_its_own_win(app, caller, clock, logged_in):
    operation = records.operation(app, caller)
    spending = Spending(
        kid=app.keyring.current,
        nonce=tokens.operation_id(),
        spent_at=operation.now,
        spent_by=operation.id,
        spent_from="elsewhere, so not taken for a repeat",
    )
    presented = logged_in.payload["refresh_token"]

    first, again = (
        app.database.transaction(refresh._rotate, app, operation, presented, spending)
        for _ in range(2)
    )

    assert first.successor == again.successor
    assert refresh.exchange(app, caller, again.successor).refresh_token
