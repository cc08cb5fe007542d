-- Who is logged in, and the tokens that keep it so. Only digests of secrets are
-- stored: a stolen copy of these tables logs nobody in.

CREATE TABLE sessions (
    id           TEXT    NOT NULL PRIMARY KEY,       -- UUIDv7
    user_id      TEXT    NOT NULL REFERENCES users (id),
    token_digest TEXT    NOT NULL UNIQUE,            -- of the session cookie
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,                   -- to within ten minutes
    expires_at   INTEGER NOT NULL,                   -- absolute: nothing extends it
    address      TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL,
    amr          TEXT    NOT NULL,                   -- RFC 8176 words: pwd, otp
    revoked_at   INTEGER,
    revoked_for  TEXT                                -- logout, reset, theft, ...
) STRICT;

CREATE INDEX ix_sessions_user_id    ON sessions (user_id);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);

-- Spent rows stay until they expire: a token that arrives a second time has two
-- holders, and its row is the evidence.
CREATE TABLE refresh_tokens (
    digest     TEXT    NOT NULL PRIMARY KEY,         -- SHA-256, 64 hex digits
    session_id TEXT    NOT NULL REFERENCES sessions (id),
    expires_at INTEGER NOT NULL,
    kid        TEXT,                                 -- of the key and ...
    nonce      TEXT,                                 -- ... nonce its successor is made of
    spent_at   INTEGER,
    spent_by   TEXT,                                 -- operation id of the winner
    spent_from TEXT                                  -- network of the winner
) STRICT;

CREATE INDEX ix_refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);

-- Networks that logged an account in lately have budgets of their own, so that a
-- stranger who guesses cannot lock the owner out.
CREATE TABLE known_addresses (
    user_id       TEXT    NOT NULL REFERENCES users (id),
    address       TEXT    NOT NULL,
    last_login_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, address)
) STRICT;

CREATE INDEX ix_known_addresses_last_login_at ON known_addresses (last_login_at);
