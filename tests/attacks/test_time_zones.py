"""Time zones: of the machine, of the database, nowhere the same hour.

MySQL's DATETIME has no zone and drops fractions, TIMESTAMP shifts with the
session (THREATS row D4). Every time here is a whole number of epoch seconds, so
nothing may live longer or shorter for where the server stands. The database
server of these tests is in a zone of its own, 5:45 hours east of UTC.
"""

import time

import pytest

from tests import databases
from tests.processes import ServerProcess, join, log_in

pytestmark = databases.ON_EVERY_ENGINE
DAY_S = 86400
MOMENT_S = 30  # between two looks at the clock, on a busy machine


@pytest.fixture(params=["America/Lima", "Pacific/Kiritimati", "UTC"])
def server(request, tmp_path, database_url):
    """A server in another time zone, where alice is a user."""
    settings = {
        "TZ": request.param,
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret of these tests that is long enough",
        "BCRYPT_ROUNDS": "4",
    }
    server = ServerProcess(tmp_path, settings).start()
    join(server)
    yield server
    server.kill()


def test_a_session_begins_now_and_lives_as_long_as_set(server):
    bearer = log_in(server).payload["access_token"]

    (session,) = server.ask("GET", "/sessions", bearer=bearer).payload["sessions"]

    assert abs(session["created_at"] - time.time()) < MOMENT_S
    assert session["expires_at"] - session["created_at"] == 30 * DAY_S


def test_codes_and_tokens_work_at_once(server):
    tokens = log_in(server).payload  # so the code of `join` did

    renewed = server.ask(
        "POST", "/auth/refresh-token", refresh_token=tokens["refresh_token"]
    )

    assert tokens["expires_in"] == 900
    assert renewed.status == 200
