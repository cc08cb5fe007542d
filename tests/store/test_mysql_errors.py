"""The numbers of errors, by what has to happen next."""

import pytest

from authserver.store import mysql_errors


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (1062, "unique"),
        (1048, "constraint"),
        (1452, "constraint"),
        (1213, "conflict"),  # deadlock, or Galera's certification
        (1205, "conflict"),
        (3101, "conflict"),  # Group Replication's certification
        (1180, "conflict"),
        (2013, "outage"),
        (2055, "outage"),
        (-1, "outage"),
        (None, "outage"),
        (1047, "outage"),  # a node that lost its cluster
        (1290, "outage"),  # read-only: another node may write
        (1040, "outage"),
        (1045, "outage"),
        (3024, "outage"),
        (1064, "mistake"),  # a syntax error
        (1146, "mistake"),
        (1792, "mistake"),  # a write in a read
        (3000, "mistake"),
    ],
)
def test_number_has_one_meaning(number, meaning):
    assert mysql_errors.meaning(number) == meaning
