"""What is asked of a MySQL or MariaDB server before its database is used.

It must be new enough: MySQL before 8.0.16 reads CHECK and forgets it. It must
keep its tables in InnoDB, the one engine of theirs with transactions. And the
schema must be ours and up to date, which one process at a time sees to: each
takes a lock by name, which the server lets go of with the connection.
"""

import re

from authserver.store import migrations
from authserver.store.database import DatabaseError, Description, Transaction

OLDEST = {"MariaDB": (10, 6, 0), "MySQL": (8, 0, 16)}
SCHEMA_PATIENCE_S = 30  # for another process that changes the schema


def describe(tx: Transaction, *, driver: str) -> Description:
    """Return what the server is; raise `DatabaseError` if it is too old."""
    text = str((tx.one("SELECT VERSION()") or ("",))[0])
    version = tuple(int(part) for part in re.findall("[0-9]+", text)[:3])
    product = "MariaDB" if "MariaDB" in text else "MySQL"
    oldest = OLDEST[product]
    if version < oldest:
        raise DatabaseError(
            f"The database server is {product} {text}; authserver needs "
            f"{'.'.join(map(str, oldest))} or newer."
        )
    cipher = tx.one("SHOW STATUS LIKE 'Ssl_cipher'")
    return Description(
        product,
        text,
        driver,
        encrypted=bool(cipher and cipher[1]),
    )


def migrate(tx: Transaction, *, now: int, migrate: bool) -> tuple[str, ...]:
    """Bring the schema up to date, one process at a time."""
    # Ends with the connection. A name of a lock has 64 characters at most.
    lock = "SELECT GET_LOCK(CONCAT('authserver ', LEFT(DATABASE(), 48)), ?)"
    if tx.one(lock, (SCHEMA_PATIENCE_S,)) != (1,):
        raise DatabaseError(
            "Another process has been changing the database's schema for "
            f"{SCHEMA_PATIENCE_S} seconds; wait for it, then start again."
        )
    known = migrations.load("mysql")
    # Not asked again where it is done: serving then needs no right to create.
    if tx.one("SHOW TABLES LIKE 'commits'") is None:
        migrations.prepare(tx, known)
    pending = migrations.pending(tx, known, migrate=migrate)
    for migration in pending:
        migrations.apply(tx, migration, now=now)
    return tuple(migration.name for migration in pending)


def check_tables(tx: Transaction) -> None:
    """Refuse tables without transactions; a server's default may be MyISAM."""
    found = tx.one(
        """
        SELECT table_name
          FROM information_schema.tables
         WHERE table_schema = DATABASE()
           AND table_type = 'BASE TABLE'
           AND engine <> 'InnoDB'
        """
    )
    if found is not None:
        raise DatabaseError(
            f"The table {found[0]} is not kept by InnoDB, so it has no transactions: "
            f"ALTER TABLE {found[0]} ENGINE = InnoDB."
        )
