-- What happened, and how often somebody may still try.

CREATE TABLE audit_log (
    id         TEXT    NOT NULL PRIMARY KEY,         -- UUIDv7
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,                     -- login, reset, refresh, ...
    outcome    TEXT    NOT NULL,                     -- ok, refused and why
    user_id    TEXT,                                 -- no reference: outlives the user
    identifier TEXT,                                 -- as typed, canonical form
    address    TEXT    NOT NULL,
    user_agent TEXT    NOT NULL,
    request_id TEXT    NOT NULL
) STRICT;

CREATE INDEX ix_audit_log_user_id_at ON audit_log (user_id, at);
CREATE INDEX ix_audit_log_at         ON audit_log (at);

-- Budgets of accounts. Rows, because a restart must not forgive a guesser.
CREATE TABLE limits (
    name          TEXT    NOT NULL PRIMARY KEY,      -- what is limited, and whose
    tokens        REAL    NOT NULL,
    updated_at    INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    blocks        INTEGER NOT NULL                   -- so far: each lasts twice as long
) STRICT;

CREATE INDEX ix_limits_updated_at ON limits (updated_at);
