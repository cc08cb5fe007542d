"""What a request asks for is found by an index, however many rows there are.

SQLite says beforehand how it will go about a statement: SEARCH (id=?) follows
an index to one place, SEARCH (expires_at>?) reads all that is live, SCAN a
whole table. Either of the latter passes every test on a few rows, and takes a
second with a million.
"""

import pytest

from authserver.store import known_addresses, refresh_tokens, sessions, users
from authserver.store.database import open_database
from authserver.store.refresh_tokens import Spending
from tests.store.rows import NOW

SPENDING = Spending("kid", "nonce", NOW, "operation 1", "192.0.2.0/24")
CALLS = [
    (users.find_by_id, ["id"], {}),
    (users.find_by_username, ["alice"], {}),
    (users.find_by_email, ["alice@example.org"], {}),
    (users.find_by_phone, ["+442079460018"], {}),
    (users.lock, ["id"], {"password_version": 1}),
    (users.update_last_login, ["id"], {"now": NOW}),
    (sessions.find_by_id, ["id"], {}),
    (sessions.find_by_token_digest, ["digest"], {}),
    (sessions.find_with_user_by_id, ["id"], {}),
    (sessions.find_with_user_by_token_digest, ["digest"], {}),
    (sessions.find_with_user_by_refresh_token, ["digest"], {}),
    (sessions.list_live_by_user, ["id"], {"now": NOW, "idle_s": 60}),
    (sessions.update_last_seen, ["id"], {"now": NOW}),
    (sessions.revoke, ["id"], {"reason": "logout", "now": NOW}),
    (sessions.revoke_by_user, ["id"], {"reason": "reset", "now": NOW}),
    (refresh_tokens.find_by_digest, ["digest"], {}),
    (refresh_tokens.spend, ["digest", SPENDING], {"idle_s": 60}),
    (known_addresses.update_last_login, ["id", "192.0.2.0/24"], {"now": NOW}),
]


class Explaining:
    """A transaction that keeps how SQLite would run each statement."""

    def __init__(self, tx) -> None:
        self._tx = tx
        self.steps: list[str] = []

    def execute(self, sql, parameters=()):
        self.steps += [
            row[3] for row in self._tx.all(f"EXPLAIN QUERY PLAN {sql}", parameters)
        ]
        return 0

    def one(self, sql, parameters=()):
        self.execute(sql, parameters)

    def all(self, sql, parameters=()):
        self.execute(sql, parameters)
        return []


@pytest.fixture
def database(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/authserver.db", now=NOW)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    CALLS,
    ids=lambda each: getattr(each, "__qualname__", ""),
)
def test_every_row_that_a_request_reads_is_named_by_a_key(
    database, function, arguments, named
):
    def steps(tx):
        explaining = Explaining(tx)
        function(explaining, *arguments, **named)
        return explaining.steps

    taken = database.read(steps)

    reading = [step for step in taken if step.startswith(("SCAN", "SEARCH"))]
    assert reading
    assert [step for step in reading if "=?" not in step] == []
