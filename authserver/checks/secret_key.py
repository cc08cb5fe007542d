"""The secret key: whether there is one, a strong one, and the right one.

The right one is the one that the database was used with. A server with another
key starts and works; but codes, links and refreshes that are under way die, and
it looks like a fault of the server. Rows that depend on a key name it by its
kid, so the two can be compared without telling anything of the key.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from authserver import keys, runtime
from authserver.checks import Finding, Patient, configuration, fail, fail_at, ok, warn
from authserver.keys import KeyFileError, Keyring
from authserver.store import inspection, reading
from authserver.store.database import DatabaseError, file_of, is_mysql

NEW_KEY = "at least 32 random bytes, as from: openssl rand -base64 48"
NOTHING = "nothing in the database depends on a key yet"


def present(patient: Patient) -> Iterator[Finding]:
    """Look at SECRET_KEY, or else at the key file beside the database."""
    secrets = patient.settings.secret_key
    faults = [fault for fault in map(keys.weakness, secrets) if fault]
    if faults:
        yield fail(
            f"SECRET_KEY {faults[0]}",
            f"Set {NEW_KEY}",
        )
    elif secrets:
        older = f", and {len(secrets) - 1} older" if len(secrets) > 1 else ""
        yield ok(f"SECRET_KEY: one that signs{older}")
    elif is_mysql(patient.settings.database_url):
        yield fail("SECRET_KEY is missing.", f"Set {NEW_KEY}")
    else:
        with contextlib.suppress(DatabaseError):  # told by the database's own check
            yield from _key_file(file_of(patient.settings.database_url))


def fits_database(patient: Patient) -> Iterator[Finding]:
    """Compare the key with the rows that were made with one."""
    secrets, url = patient.settings.secret_key, patient.settings.database_url
    try:
        kids = reading.look(url, inspection.list_latest_kids, now=patient.now)
        if not secrets:
            path = runtime.key_file(file_of(url))
            secrets = (keys.load_or_create(path, may_create=False),)
    except (DatabaseError, KeyFileError):
        return  # told by other checks
    keyring = Keyring(secrets)
    unknown = {kid for kid in kids if kid not in keyring}
    if not unknown:
        yield ok("is the one that the database was used with" if kids else NOTHING)
    elif unknown == kids:
        yield fail(
            "is not the key that this database was used with: codes and refreshes "
            "that are under way die.",
            "Put the right key back (or behind the new one: SECRET_KEY=new,old). If "
            "the old one leaked, nothing is to be done: a new login mends it.",
        )
    else:
        yield warn(
            "is one of several that this database was used with, and not all of "
            "them are in SECRET_KEY.",
            "Keep an old key behind the new one for as long as refresh tokens live, "
            "and give all servers of one database the same SECRET_KEY.",
        )


def _key_file(database: Path) -> Iterator[Finding]:
    path = runtime.key_file(database)
    if not path.exists() and not database.exists():
        yield ok(f"{path} is made together with the database")
        return
    try:
        keys.load_or_create(path, may_create=False)
    except KeyFileError as error:
        yield fail_at(path, error)
        return
    yield from _owner(path, database)


def _owner(path: Path, database: Path) -> Iterator[Finding]:
    owner = path.stat().st_uid
    if database.exists() and database.stat().st_uid != owner:
        yield warn(
            f"{path} and {database} belong to different users.",
            f"Give both to the user who runs the server: chown --reference="
            f"{database} {path}",
        )
    else:
        yield configuration.closed(path)
