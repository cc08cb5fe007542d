"""Databases with as many people as one likes, each with a session and a token.

Written in bulk, past the server, by what each driver does fastest. Whoever has
number n is computed from n, so that a million of them need not be remembered.
"""

import base64
import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from authserver import tokens
from tests import databases
from tests.bench.people import TOKENS_LAST_S

BATCH = 10_000
USERS = """
    INSERT INTO users (id, username, email, email_verified_at, password_hash,
                       password_version, roles, created_at)
    VALUES (?, ?, ?, ?, ?, 1, '', ?)
"""
SESSIONS = """
    INSERT INTO sessions (id, user_id, token_digest, created_at, last_seen_at,
                          expires_at, address, user_agent, amr)
    VALUES (?, ?, ?, ?, ?, ?, '127.0.0.1', 'bench', 'pwd')
"""
REFRESH_TOKENS = """
    INSERT INTO refresh_tokens (digest, session_id, expires_at) VALUES (?, ?, ?)
"""
# Much memory, and nothing of it safe from a power cut.
SQLITE_PRAGMAS = ("cache_size = -400000", "synchronous = OFF", "foreign_keys = OFF")
MYSQL_SETTINGS = ("unique_checks = 0", "foreign_key_checks = 0", "autocommit = 0")

# Run a statement for each of these rows.
Write = Callable[[str, list[tuple[Any, ...]]], None]


def fill_sqlite(folder: Path, count: int, password_hash: str, *, now: int) -> None:
    """Put so many people into the SQLite database of a folder."""
    with contextlib.closing(sqlite3.connect(folder / "authserver.db")) as connection:
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        _fill(connection.executemany, count, password_hash, now)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def fill_mysql(url: str, count: int, password_hash: str, *, now: int) -> None:
    """Put so many people into a MySQL database."""
    with contextlib.closing(databases.connect(url)) as connection:
        cursor = connection.cursor()
        for setting in MYSQL_SETTINGS:
            cursor.execute(f"SET {setting}")

        def write(statement: str, rows: list[tuple[Any, ...]]) -> None:
            cursor.executemany(statement.replace("?", "%s"), rows)
            connection.commit()

        _fill(write, count, password_hash, now)


def username(number: int) -> str:
    return f"alice{number}"


def user_id(number: int) -> str:
    return _row_id("user", number)


def session_id(number: int) -> str:
    return _row_id("session", number)


def refresh_token(number: int) -> str:
    """Return the first refresh token of somebody's session."""
    seed = hashlib.sha256(f"refresh {number}".encode()).digest()
    return base64.urlsafe_b64encode(seed).rstrip(b"=").decode()


def _row_id(kind: str, number: int) -> str:
    """Return an id that grows with its number, as those of time do."""
    digits = f"{number:012x}7{hashlib.sha256(f'{kind} {number}'.encode()).hexdigest()}"
    return "-".join(
        (digits[:8], digits[8:12], digits[12:16], "8" + digits[17:20], digits[20:32])
    )


def _fill(write: Callable[[str, Any], Any], count: int, hashed: str, now: int) -> None:
    ends = now + TOKENS_LAST_S
    for batch in _batches(range(count)):
        users = [
            (user_id(n), username(n), f"{username(n)}@example.org", now, hashed, now)
            for n in batch
        ]
        write(USERS, users)
        sessions = [
            (session_id(n), user_id(n), tokens.digest(f"cookie {n}"), now, now, ends)
            for n in batch
        ]
        write(SESSIONS, sessions)
        refreshes = [
            (tokens.digest(refresh_token(n)), session_id(n), ends) for n in batch
        ]
        write(REFRESH_TOKENS, refreshes)


def _batches(numbers: Iterable[int]) -> Iterator[Sequence[int]]:
    iterator = iter(numbers)
    while batch := list(islice(iterator, BATCH)):
        yield batch
