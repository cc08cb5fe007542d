"""What has expired goes, batch by batch; what is of use stays."""

import pytest

from authserver.flows import purge

TABLES = (
    "registrations",
    "one_time_codes",
    "outbox",
    "refresh_tokens",
    "sessions",
    "known_addresses",
    "limits",
    "audit_log",
)


@pytest.fixture
def counts(sql):
    def count() -> dict[str, int]:
        return {name: sql(f"SELECT COUNT(*) FROM {name}")[0][0] for name in TABLES}

    return count


@pytest.fixture
def life(client, mailbox, logged_in) -> None:
    """Rows in every table: alice is logged in, bob has registered."""
    client.post(
        "/register", username="bob", email="b@example.org", password="12ab89xyz"
    )
    mailbox.fetch()


def test_nothing_that_is_of_use_goes(app, life, counts):
    before = counts()

    assert purge.run(app) == 0
    assert counts() == before
    assert 0 not in before.values()


def test_everything_goes_in_its_time(app, clock, life, counts):
    clock.advance(366 * 86400)

    deleted = purge.run(app)

    assert deleted > len(TABLES)
    assert set(counts().values()) == {0}


def test_expired_session_waits_for_the_tokens_that_point_to_it(app, clock, life, sql):
    sql("UPDATE sessions SET expires_at = 1")

    purge.run(app)

    assert sql("SELECT COUNT(*) FROM sessions") == [(1,)]


def test_more_than_one_batch_goes(app, clock, sql, counts):
    row = "INSERT INTO limits VALUES (?, 1, 0, 0, 0)"
    for number in range(purge.BATCH_ROWS + 1):
        sql(row, str(number))

    assert purge.run(app) == purge.BATCH_ROWS + 1


def test_stopping_server_purges_no_further(app, clock, life, counts):
    clock.advance(366 * 86400)
    before = counts()

    assert purge.run(app, stopping=lambda: True) == 0
    assert counts() == before
