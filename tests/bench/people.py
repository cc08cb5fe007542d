"""People with open sessions, written straight into a database of ours.

Through the front door each would cost a code and a slow hash. The rows are what
the flows write; the tokens are signed with the server's own key.
"""

from pathlib import Path
from typing import NamedTuple

from authserver import jwt, runtime, tokens
from authserver.app import App
from authserver.flows import authenticate
from authserver.settings import Settings
from authserver.store import refresh_tokens, sessions, users
from authserver.store.database import Transaction
from authserver.store.refresh_tokens import RefreshToken
from authserver.store.sessions import Session
from authserver.store.users import User
from tests.bench.servers import PUBLIC_URL, SECRET

PASSWORD = "correct horse battery"
TOKENS_LAST_S = 86_400  # longer than any row


class Person(NamedTuple):
    """Somebody who is logged in."""

    username: str
    access_token: str
    refresh_token: str
    user_id: str
    session_id: str


def settings(folder: Path, **changes: object) -> Settings:
    """Return the settings of a server that runs in `folder`."""
    url = f"sqlite:///{folder}/authserver.db"
    fields = {"database_url": url, "public_url": PUBLIC_URL, **changes}
    return Settings(secret_key=(SECRET.encode(),), **fields)  # type: ignore[arg-type]


def settle(folder: Path, count: int, *, bcrypt_rounds: int = 4) -> list[Person]:
    """Make the database of a server in `folder` with so many people in it."""
    app = runtime.create_app(settings(folder, bcrypt_rounds=bcrypt_rounds))
    try:
        password_hash = app.hasher.hash(PASSWORD)  # one for all: hashing is slow
        return app.database.transaction(_insert, app, count, password_hash)
    finally:
        runtime.close(app)


def access_token(app: App, user_id: str, session_id: str) -> str:
    """Sign a token as a login does, but for a day."""
    now = app.now()
    claims = {
        "iss": PUBLIC_URL,
        "aud": PUBLIC_URL,
        "sub": user_id,
        "sid": session_id,
        "jti": tokens.operation_id(),
        "iat": now,
        "exp": now + TOKENS_LAST_S,
        "auth_time": now,
        "amr": ["pwd"],
        "roles": [],
    }
    keyring = app.keyring.derived(authenticate.JWT_KEY)
    return jwt.encode(claims, keyring=keyring, kid=app.keyring.current)


def _insert(tx: Transaction, app: App, count: int, password_hash: str) -> list[Person]:
    now = app.now()
    found = []
    for number in range(count):
        name = f"alice{number}"
        user_id, session_id = tokens.new_id(now), tokens.new_id(now)
        email = f"{name}@example.org"
        row = User(
            user_id, name, email, now, None, None, password_hash, 1, "", now, now
        )
        users.insert(tx, row)
        session = Session(
            id=session_id,
            user_id=user_id,
            token_digest=tokens.digest(tokens.new()),
            created_at=now,
            last_seen_at=now,
            expires_at=now + TOKENS_LAST_S,
            address="127.0.0.1",
            user_agent="wrk",
            amr="pwd",
        )
        sessions.insert(tx, session)
        refresh = tokens.new()
        digest = tokens.digest(refresh)
        refresh_tokens.insert(tx, RefreshToken(digest, session_id, session.expires_at))
        token = access_token(app, user_id, session_id)
        found.append(Person(name, token, refresh, user_id, session_id))
    return found
