"""Opening a session: what every successful login ends in.

    1. users         lock the row, WHERE password_version AND not disabled
    2. sessions      policy: multiple, or single (409, or replace the others)
    3. sessions      the new row; refresh_tokens its first token
    4. users         last_login_at; known_addresses, audit_log

all in the one transaction that also spends the proof. Step 1 comes first and
locks the user's row. So a reset that commits while a password is being checked
wins -- its version is another one -- and two logins under the single-session
policy come one after the other.

Secrets are drawn before the transaction and leave only with the answer.
"""

from typing import NamedTuple

from authserver import errors, jwt, tokens
from authserver.app import App
from authserver.flows import authenticate, lookup, places, records
from authserver.flows.lookup import Profile
from authserver.flows.records import Operation
from authserver.store import known_addresses, refresh_tokens, sessions, users
from authserver.store.database import Transaction
from authserver.store.refresh_tokens import RefreshToken
from authserver.store.sessions import Session
from authserver.store.users import User


class Terms(NamedTuple):
    """How the caller wants the session."""

    replace_session: bool = False
    cookie_only: bool = False  # a browser: no token in reach of its scripts
    old_cookie: str | None = None  # the session this browser had so far


class Draft(NamedTuple):
    """The secrets of a session to be, and the terms it was asked for under."""

    session_id: str
    cookie: str
    refresh_token: str | None
    terms: Terms
    amr: str


class Tokens(NamedTuple):
    """What a program gets: RFC 6749 section 5.1."""

    access_token: str
    expires_in_s: int
    refresh_token: str


class SignedIn(NamedTuple):
    """An open session and its secrets."""

    profile: Profile
    cookie: str
    cookie_max_age_s: int
    tokens: Tokens | None


def draft(terms: Terms, *, amr: str, now: int) -> Draft:
    """Draw the secrets of a session."""
    refresh_token = None if terms.cookie_only else tokens.new()
    return Draft(tokens.new_id(now), tokens.new(), refresh_token, terms, amr)


def allowed(
    tx: Transaction, app: App, operation: Operation, user: User, plan: Draft
) -> errors.AuthError | None:
    """Return why the user may not log in now; locks the user's row."""
    if not users.lock(tx, user.id, password_version=user.password_version):
        return errors.InvalidCredentials("password changed meanwhile, or disabled")
    if app.settings.session_policy == "single" and not plan.terms.replace_session:
        idle_s = app.settings.session_idle_s
        if sessions.list_live_by_user(tx, user.id, now=operation.now, idle_s=idle_s):
            return errors.SessionActive()
    return None


def insert(
    tx: Transaction, app: App, operation: Operation, user: User, plan: Draft
) -> Session:
    """Store the session of a user who is `allowed`."""
    now, caller = operation.now, operation.caller
    if app.settings.session_policy == "single":
        sessions.revoke_by_user(tx, user.id, reason="replaced", now=now)
    if plan.terms.old_cookie:
        _end_old(tx, plan.terms.old_cookie, now=now)
    session = Session(
        id=plan.session_id,
        user_id=user.id,
        token_digest=tokens.digest(plan.cookie),
        created_at=now,
        last_seen_at=now,
        expires_at=now + app.settings.session_max_s,
        address=caller.address,
        user_agent=caller.user_agent,
        amr=plan.amr,
    )
    sessions.insert(tx, session)
    if plan.refresh_token:
        refresh_tokens.insert(tx, first_token(app, session, plan.refresh_token, now))
    users.update_last_login(tx, user.id, now=now)
    place = places.network(caller.address)
    if not known_addresses.update_last_login(tx, user.id, place, now=now):
        known_addresses.insert(tx, user.id, place, now=now)
    records.note(tx, operation, "login", user_id=user.id, identifier=user.username)
    return session


def first_token(app: App, session: Session, token: str, now: int) -> RefreshToken:
    """Return the row of an unspent token, which its session outlives."""
    expires_at = min(now + app.settings.refresh_ttl_s, session.expires_at)
    return RefreshToken(tokens.digest(token), session.id, expires_at)


def signed_in(app: App, user: User, session: Session, plan: Draft) -> SignedIn:
    """Return what the person gets, once the session is committed."""
    pair = None
    if plan.refresh_token:
        pair = token_pair(app, user, session, plan.refresh_token)
    max_age_s = session.expires_at - session.created_at
    return SignedIn(lookup.profile_of(user), plan.cookie, max_age_s, pair)


def token_pair(app: App, user: User, session: Session, refresh_token: str) -> Tokens:
    """Sign an access token that ends with its session at the latest."""
    now = app.now()
    expires_at = min(now + app.settings.access_ttl_s, session.expires_at)
    claims = {
        "iss": app.settings.public_url,
        "aud": app.settings.public_url,
        "sub": user.id,
        "sid": session.id,
        "jti": tokens.operation_id(),
        "iat": now,
        "exp": expires_at,
        "auth_time": session.created_at,
        "amr": session.amr.split(),
        "roles": user.roles.split(),
    }
    access_token = jwt.encode(
        claims,
        keyring=app.keyring.derived(authenticate.JWT_KEY),
        kid=app.keyring.current,
    )
    return Tokens(access_token, expires_at - now, refresh_token)


def _end_old(tx: Transaction, cookie: str, *, now: int) -> None:
    """End the session whose cookie its browser is about to overwrite."""
    old = sessions.find_by_token_digest(tx, tokens.digest(cookie))
    if old is not None:
        sessions.revoke(tx, old.id, reason="logged in again", now=now)
