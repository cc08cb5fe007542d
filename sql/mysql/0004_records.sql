-- What happened, and how often somebody may still try.

CREATE TABLE IF NOT EXISTS audit_log (
    id         VARBINARY(36)  NOT NULL PRIMARY KEY,  -- UUIDv7
    at         BIGINT         NOT NULL,
    event      VARCHAR(64)    NOT NULL,              -- login, reset, refresh, ...
    outcome    VARCHAR(255)   NOT NULL,              -- ok, refused and why
    user_id    VARBINARY(36),                        -- no reference: outlives the user
    identifier VARBINARY(254),                       -- as typed, canonical form
    address    VARBINARY(100) NOT NULL,
    user_agent VARCHAR(255)   NOT NULL,
    request_id VARBINARY(64)  NOT NULL,
    KEY ix_audit_log_user_id_at (user_id, at),
    KEY ix_audit_log_at         (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Budgets of accounts. Rows, because a restart must not forgive a guesser.
CREATE TABLE IF NOT EXISTS limits (
    name          VARBINARY(500) NOT NULL PRIMARY KEY,  -- what is limited, and whose
    tokens        DOUBLE         NOT NULL,
    updated_at    BIGINT         NOT NULL,
    blocked_until BIGINT         NOT NULL,
    blocks        BIGINT         NOT NULL,           -- so far: each lasts twice as long
    KEY ix_limits_updated_at (updated_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
