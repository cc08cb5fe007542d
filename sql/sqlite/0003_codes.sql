-- One-time codes. A row holds no code: the digits and the link are derived from
-- the row's random id under a key that the database does not have.

CREATE TABLE one_time_codes (
    id            TEXT    NOT NULL PRIMARY KEY,      -- 128 random bits
    purpose       TEXT    NOT NULL,                  -- verify, login, reset, grant
    subject_id    TEXT    NOT NULL,                  -- user or registration
    contact       TEXT    NOT NULL,                  -- where it was sent
    channel       TEXT    NOT NULL,                  -- email or sms
    kid           TEXT    NOT NULL,                  -- of the key it is derived with
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    attempts_left INTEGER NOT NULL,
    spent_at      INTEGER,
    spent_by      TEXT,                              -- operation id of the winner
    UNIQUE (subject_id, purpose, contact)            -- at most one is live
) STRICT;

CREATE INDEX ix_one_time_codes_expires_at ON one_time_codes (expires_at);

-- Messages on their way out. Written in the transaction of the flow that wants
-- them sent, so a message exists exactly when its reason does.
CREATE TABLE outbox (
    id         TEXT    NOT NULL PRIMARY KEY,         -- UUIDv7, so in order of time
    kind       TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    recipient  TEXT    NOT NULL,
    username   TEXT    NOT NULL,                     -- named in the message
    code_id    TEXT,                                 -- NULL for a notice
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,                     -- counted before the attempt
    status     TEXT    NOT NULL,                     -- queued, sending, sent, given_up
    last_error TEXT
) STRICT;

CREATE INDEX ix_outbox_status_due_at ON outbox (status, due_at);
CREATE INDEX ix_outbox_expires_at    ON outbox (expires_at);
