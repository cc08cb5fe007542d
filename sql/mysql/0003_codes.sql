-- One-time codes. A row holds no code: the digits and the link are derived from
-- the row's random id under a key that the database does not have.

CREATE TABLE IF NOT EXISTS one_time_codes (
    id            VARBINARY(32)  NOT NULL PRIMARY KEY,  -- 128 random bits
    purpose       VARBINARY(16)  NOT NULL,           -- verify, login, reset, grant
    subject_id    VARBINARY(36)  NOT NULL,           -- user or registration
    contact       VARBINARY(254) NOT NULL,           -- where it was sent
    channel       VARCHAR(16)    NOT NULL,           -- email or sms
    kid           VARBINARY(64)  NOT NULL,           -- of the key it is derived with
    created_at    BIGINT         NOT NULL,
    expires_at    BIGINT         NOT NULL,
    attempts_left BIGINT         NOT NULL,
    spent_at      BIGINT,
    spent_by      VARBINARY(32),                     -- operation id of the winner
    UNIQUE KEY (subject_id, purpose, contact),       -- at most one is live
    KEY ix_one_time_codes_expires_at (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Messages on their way out. Written in the transaction of the flow that wants
-- them sent, so a message exists exactly when its reason does.
CREATE TABLE IF NOT EXISTS outbox (
    id         VARBINARY(36)  NOT NULL PRIMARY KEY,  -- UUIDv7, so in order of time
    kind       VARCHAR(64)    NOT NULL,
    channel    VARCHAR(16)    NOT NULL,
    recipient  VARBINARY(254) NOT NULL,
    username   VARBINARY(32)  NOT NULL,              -- named in the message
    code_id    VARBINARY(32),                        -- NULL for a notice
    created_at BIGINT         NOT NULL,
    expires_at BIGINT         NOT NULL,
    due_at     BIGINT         NOT NULL,
    attempts   BIGINT         NOT NULL,              -- counted before the attempt
    status     VARCHAR(16)    NOT NULL,              -- queued, sending, sent, given_up
    last_error TEXT,
    KEY ix_outbox_status_due_at (status, due_at),
    KEY ix_outbox_expires_at    (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
