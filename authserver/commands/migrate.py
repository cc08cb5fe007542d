"""Bringing the database's schema up to date without serving."""

from argparse import ArgumentParser, Namespace

from authserver import runtime
from authserver.commands import operating

HELP = "bring the database's schema up to date without serving"


def add_arguments(parser: ArgumentParser) -> None:
    """Take no arguments."""


def run(_options: Namespace) -> int:
    """Apply what is pending and say so."""
    with operating() as settings:
        app = runtime.create_app(settings)
        for name in app.database.applied:
            print(f"applied {name}")
        print("the schema is up to date")
        runtime.close(app)
    return 0
