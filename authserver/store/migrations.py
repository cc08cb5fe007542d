"""Schema changes: numbered files, each applied once and never changed again.

    sql/sqlite/0001_accounts.sql  ->  schema_migrations ("0001_accounts", ...)

A database records the name and the SHA-256 of every file that made it. So a
start can tell three things apart: a file still to apply; a file edited after it
was applied, which means that two databases of one version differ; and a record
that no file explains, which means that a newer version wrote here and ours
could misread what it finds. The last two refuse to start. So does a mark among
the records that `copying` takes away when all rows are there.

On SQLite all that is pending is one transaction: a crash half-way leaves
nothing of it, and the next start applies it anew. MySQL commits at every CREATE
or ALTER whether one wants it or not. So its files can be run again from their
beginning, and the record is written last. There are no down files; going back
is restoring a backup.

Statements end with `;` at a line's end, and no literal or comment has one
there: that is what makes splitting one line.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from authserver.store.database import DatabaseError, Transaction

COPYING = "copying"  # no file has this name


class Migration(NamedTuple):
    """One file: its name without suffix, and what it runs."""

    name: str
    sha256: str
    statements: tuple[str, ...]


def load(engine: str) -> list[Migration]:
    """Return the files of `engine` ("sqlite" or "mysql") in order."""
    package = Path(__file__).parents[1]
    # A wheel carries the folder inside the package, a checkout beside it.
    inside, beside = package / "sql" / engine, package.parent / "sql" / engine
    folder = inside if inside.is_dir() else beside
    return [read(path) for path in sorted(folder.glob("[0-9]*_*.sql"))]


def read(path: Path) -> Migration:
    """Return the migration in the file at `path`."""
    # Text mode, so that a checkout with CRLF line ends has the same digest.
    text = path.read_text(encoding="utf-8")
    statements = tuple(part for part in text.split(";\n") if part.strip())
    return Migration(path.stem, hashlib.sha256(text.encode()).hexdigest(), statements)


def prepare(tx: Transaction, known: list[Migration]) -> None:
    """Make the record of migrations, which is what the first file holds."""
    for statement in known[0].statements:
        tx.execute(statement)


def pending(
    tx: Transaction, known: list[Migration], *, migrate: bool = True
) -> list[Migration]:
    """Return what is still to apply; `DatabaseError` if the rest differs.

    With `migrate` false nothing may be left to apply.
    """
    recorded: dict[str, str] = dict(
        tx.all("SELECT name, sha256 FROM schema_migrations")
    )
    if COPYING in recorded:
        raise DatabaseError(
            "The database that DATABASE_URL names holds a copy that is under way or "
            "was broken off; make it empty (DROP DATABASE, CREATE DATABASE) and copy "
            "again."
        )
    newer = sorted(recorded.keys() - {migration.name for migration in known})
    if newer:
        raise DatabaseError(
            f"The database was made by a newer authserver: its schema has "
            f"{newer[0]}, which this version does not know."
        )
    for migration in known:
        if recorded.get(migration.name, migration.sha256) != migration.sha256:
            raise DatabaseError(
                f"The schema file {migration.name}.sql was changed after it was "
                f"applied to this database; restore the original file."
            )
    left = [migration for migration in known if migration.name not in recorded]
    if left and not migrate:
        raise DatabaseError(
            f"The database lacks the schema change {left[0].name}; run "
            f"`python server.py migrate` first."
        )
    return left


def apply(tx: Transaction, migration: Migration, *, now: int) -> None:
    """Run one file and record it."""
    for statement in migration.statements:
        tx.execute(statement)
    tx.execute(
        "INSERT INTO schema_migrations (name, sha256, applied_at) VALUES (?, ?, ?)",
        (migration.name, migration.sha256, now),
    )
