""".env.example lists every setting with its real default, and only those."""

import itertools
import re
from pathlib import Path

from authserver import keys
from authserver.settings import Settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"
ASSIGNMENT = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def listed() -> dict[str, str]:
    return dict(ASSIGNMENT.findall(EXAMPLE.read_text()))


def test_every_setting_is_listed_and_nothing_else():
    settings = {name.upper() for name in Settings.declared()}

    assert set(listed()) == settings


def test_the_example_as_it_stands_means_the_defaults():
    uncommented = {
        name: value for name, value in listed().items() if name != "SECRET_KEY"
    }

    assert Settings.from_environment(uncommented) == Settings.from_environment({})


def test_the_example_secret_is_one_that_the_start_refuses():
    assert keys.weakness(listed()["SECRET_KEY"].encode())


def test_every_setting_is_explained_by_the_line_above_it():
    lines = EXAMPLE.read_text().splitlines()
    unexplained = {  # by their neighbours
        "EMAIL_PORT",
        "EMAIL_USER",
        "EMAIL_PASS",
        "TWILIO_TOKEN",
        "TWILIO_PHONE",
    }
    bare = {
        line.partition("=")[0]
        for before, line in itertools.pairwise(lines)
        if re.match("[A-Z]", line) and not before.startswith("#")
    }

    assert bare <= unexplained
