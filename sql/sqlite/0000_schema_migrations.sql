-- Which of these files a database has seen. Runs at every start, before the
-- question can be asked, so it must be safe to run again.

CREATE TABLE IF NOT EXISTS schema_migrations (
    name       TEXT    NOT NULL PRIMARY KEY,         -- file name without .sql
    sha256     TEXT    NOT NULL,                     -- of the file's text
    applied_at INTEGER NOT NULL
) STRICT;
