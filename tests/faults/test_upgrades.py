"""Row R19 of THREATS.md: nobody loses anything to a stop or an upgrade."""

import pytest

from tests.databases import HAVE_MARIADB
from tests.faults.rows import failures
from tests.web.proxies import needs_nginx

pytestmark = [
    needs_nginx,
    pytest.mark.skipif(not HAVE_MARIADB, reason="needs MariaDB"),
    pytest.mark.usefixtures("hearing"),
]


def test_stops_upgrades_and_lost_workers_lose_nothing_acknowledged():
    assert failures("R19") == []


@pytest.mark.slow
def test_full_counts_of_the_row_pass():
    assert failures("R19", full=True) == []
