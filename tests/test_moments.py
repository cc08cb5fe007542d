"""Moments are read as people write them, and never guessed."""

import pytest

from authserver import moments

NOW = 1_769_851_800  # 2026-01-31T09:30:00Z


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-31T09:30:00Z", NOW),
        ("2026-01-31T09:30", NOW),
        ("2026-01-31 09:30:00", NOW),
        ("2026-01-31T10:30:00+01:00", NOW),
        ("2026-01-31", NOW - 34_200),
        ("90s", NOW - 90),
        ("15m", NOW - 900),
        ("2h", NOW - 7200),
        ("7d", NOW - 604_800),
        ("4w", NOW - 2_419_200),
    ],
)
def test_moment_is_read(written, moment):
    assert moments.parse(written, now=NOW) == moment


@pytest.mark.parametrize(
    "written", ["", "yesterday", "01/02/2026", "2026-02-30", "2", "-2h", "2h ago", "h"]
)
def test_anything_else_is_refused(written):
    with pytest.raises(ValueError, match=r"."):
        moments.parse(written, now=NOW)


def test_moment_is_written_as_it_can_be_read():
    assert moments.text(NOW) == "2026-01-31T09:30:00Z"
    assert moments.iso(moments.text(NOW)) == NOW
