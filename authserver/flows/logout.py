"""Logging out: the session ends here and now, on every device if asked.

It is enough to hold something that belongs to the session: its cookie, an
access token (an expired one too, as the person wants out, not in), or a refresh
token. A session that has ended already is logged out: the answer is the same.
"""

from authserver import tokens
from authserver.app import App, Caller
from authserver.flows import authenticate, records
from authserver.flows.records import Operation
from authserver.store import refresh_tokens, sessions
from authserver.store.database import Transaction


def by_bearer(app: App, caller: Caller, token: str, *, everywhere: bool) -> None:
    """End the session of an access token; `InvalidToken` for a forgery."""
    claims = authenticate.verifier(app).decode_ended(token)
    _end(app, caller, session_id=str(claims["sid"]), everywhere=everywhere)


def by_cookie(app: App, caller: Caller, token: str, *, everywhere: bool) -> None:
    """End the session of a cookie."""
    session = app.database.read(sessions.find_by_token_digest, tokens.digest(token))
    _end(app, caller, session_id=session.id if session else "", everywhere=everywhere)


def by_refresh_token(app: App, caller: Caller, token: str, *, everywhere: bool) -> None:
    """End the session of a refresh token, spent or not."""
    row = app.database.read(refresh_tokens.find_by_digest, tokens.digest(token))
    _end(app, caller, session_id=row.session_id if row else "", everywhere=everywhere)


def is_over(app: App, cookie: str) -> bool:
    """Tell whether the session of a cookie has ended."""
    session = app.database.read(sessions.find_by_token_digest, tokens.digest(cookie))
    idle_s = app.settings.session_idle_s
    return session is None or not session.live(now=app.now(), idle_s=idle_s)


def _end(app: App, caller: Caller, *, session_id: str, everywhere: bool) -> None:
    app.database.transaction(
        _revoke,
        records.operation(app, caller),
        session_id,
        idle_s=app.settings.session_idle_s,
        everywhere=everywhere,
    )


def _revoke(
    tx: Transaction,
    operation: Operation,
    session_id: str,
    *,
    idle_s: int,
    everywhere: bool,
) -> None:
    session = sessions.find_by_id(tx, session_id)
    if session is None:
        return
    # One that has ended already cannot speak for the user's other sessions.
    everywhere = everywhere and session.live(now=operation.now, idle_s=idle_s)
    if everywhere:
        sessions.revoke_by_user(
            tx, session.user_id, reason="logout everywhere", now=operation.now
        )
    if everywhere or sessions.revoke(
        tx, session.id, reason="logout", now=operation.now
    ):
        event = "logout_everywhere" if everywhere else "logout"
        records.note(tx, operation, event, user_id=session.user_id)
