"""One row of each table that others point to."""

from authserver.store.sessions import Session
from authserver.store.users import User

NOW = 1_800_000_000
LATER = NOW + 60

ALICE = User(
    id="alice's id",
    username="alice",
    email="alice@example.org",
    email_verified_at=NOW,
    phone="+442079460018",
    phone_verified_at=NOW,
    password_hash="hash 1",
    password_version=1,
    roles="",
    created_at=NOW,
)
SESSION = Session(
    id="session 1",
    user_id=ALICE.id,
    token_digest="digest 1",
    created_at=NOW,
    last_seen_at=NOW,
    expires_at=NOW + 1000,
    address="192.0.2.1",
    user_agent="Tester/1.0",
    amr="pwd",
)
