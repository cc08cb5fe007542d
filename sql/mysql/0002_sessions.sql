-- Who is logged in, and the tokens that keep it so. Only digests of secrets are
-- stored: a stolen copy of these tables logs nobody in.

CREATE TABLE IF NOT EXISTS sessions (
    id           VARBINARY(36)  NOT NULL PRIMARY KEY,  -- UUIDv7
    user_id      VARBINARY(36)  NOT NULL,
    token_digest VARBINARY(64)  NOT NULL UNIQUE,     -- of the session cookie
    created_at   BIGINT         NOT NULL,
    last_seen_at BIGINT         NOT NULL,            -- to within ten minutes
    expires_at   BIGINT         NOT NULL,            -- absolute: nothing extends it
    address      VARBINARY(100) NOT NULL,
    user_agent   VARCHAR(255)   NOT NULL,
    amr          VARCHAR(100)   NOT NULL,            -- RFC 8176 words: pwd, otp
    revoked_at   BIGINT,
    revoked_for  VARCHAR(100),                       -- logout, reset, theft, ...
    KEY ix_sessions_user_id    (user_id),
    KEY ix_sessions_expires_at (expires_at),
    CONSTRAINT fk_sessions_user_id FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Spent rows stay until they expire: a token that arrives a second time has two
-- holders, and its row is the evidence.
CREATE TABLE IF NOT EXISTS refresh_tokens (
    digest     VARBINARY(64)  NOT NULL PRIMARY KEY,  -- SHA-256, 64 hex digits
    session_id VARBINARY(36)  NOT NULL,
    expires_at BIGINT         NOT NULL,
    kid        VARBINARY(64),                        -- of the key and ...
    nonce      VARBINARY(64),                        -- ... nonce its successor is made of
    spent_at   BIGINT,
    spent_by   VARBINARY(32),                        -- operation id of the winner
    spent_from VARBINARY(100),                       -- network of the winner
    KEY ix_refresh_tokens_session_id (session_id),
    KEY ix_refresh_tokens_expires_at (expires_at),
    CONSTRAINT fk_refresh_tokens_session_id
        FOREIGN KEY (session_id) REFERENCES sessions (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Networks that logged an account in lately have budgets of their own, so that a
-- stranger who guesses cannot lock the owner out.
CREATE TABLE IF NOT EXISTS known_addresses (
    user_id       VARBINARY(36)  NOT NULL,
    address       VARBINARY(100) NOT NULL,
    last_login_at BIGINT         NOT NULL,
    PRIMARY KEY (user_id, address),
    KEY ix_known_addresses_last_login_at (last_login_at),
    CONSTRAINT fk_known_addresses_user_id FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
