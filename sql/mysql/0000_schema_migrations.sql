-- Which of these files a database has seen, and which transactions have been
-- committed lately. Runs at every start, before the question can be asked, so it
-- must be safe to run again.

CREATE TABLE IF NOT EXISTS schema_migrations (
    name       VARBINARY(100) NOT NULL PRIMARY KEY,  -- file name without .sql
    sha256     VARBINARY(64)  NOT NULL,              -- of the file's text
    applied_at BIGINT         NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Only here, not in SQLite: when the connection dies during COMMIT, whether its
-- row is here tells whether the transaction stands. An hour old, it may go.
CREATE TABLE IF NOT EXISTS commits (
    id      VARBINARY(32) NOT NULL PRIMARY KEY,      -- 128 random bits
    attempt SMALLINT      NOT NULL,                  -- which try it was
    at      BIGINT        NOT NULL,                  -- by the server's clock
    KEY ix_commits_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
