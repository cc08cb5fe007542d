"""Who is asking: from a bearer token or a session cookie to a user.

Both ways end at the session's row, on every request. So what ends a session --
logout, reset, the device list, an operator who disables the user -- acts at
once, although the access token itself would live for minutes more.
"""

from typing import NamedTuple

from authserver import errors, jwt, tokens
from authserver.app import App
from authserver.store import sessions
from authserver.store.sessions import Session, SessionOf
from authserver.store.users import User

JWT_KEY = "jwt"  # label of the key that access tokens are signed with
SEEN_EVERY_S = 600  # a write per request would cost more than the knowledge


class Authenticated(NamedTuple):
    """A user inside one of their live sessions."""

    user: User
    session: Session


def by_bearer(app: App, token: str) -> Authenticated:
    """Return who holds this access token; raise `InvalidToken`."""
    now = app.now()
    claims = verifier(app).decode(token, now=now)
    found = app.database.read_once(sessions.find_with_user_by_id, str(claims["sid"]))
    if found is not None and found[1].id != claims["sub"]:
        raise errors.InvalidToken("subject is not the session's user")
    return _live(app, found, now)


def verifier(app: App) -> jwt.Verifier:
    """Return what reads our access tokens."""
    issuer = app.settings.public_url
    known = app.verifiers.get((app.keyring, issuer))
    if known is None:
        known = jwt.Verifier(keyring=app.keyring.derived(JWT_KEY), issuer=issuer)
        app.verifiers[app.keyring, issuer] = known
    return known


def by_cookie(app: App, token: str) -> Authenticated:
    """Return whose session cookie this is; raise `InvalidToken`."""
    digest = tokens.digest(token)
    found = app.database.read_once(sessions.find_with_user_by_token_digest, digest)
    return _live(app, found, app.now())


def _live(app: App, found: SessionOf | None, now: int) -> Authenticated:
    if found is None:
        raise errors.InvalidToken("no such session")
    session, user = found
    if user.disabled_at is not None:
        raise errors.InvalidToken("its user is disabled")
    if not session.live(now=now, idle_s=app.settings.session_idle_s):
        raise errors.InvalidToken("session has ended")
    if now - session.last_seen_at >= SEEN_EVERY_S:
        app.database.later(sessions.update_last_seen, session.id, now=now)
    return Authenticated(user, session)
