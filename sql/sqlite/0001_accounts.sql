-- People: those who proved a contact (users) and those who have not yet
-- (registrations). A registration reserves nothing: two people may try the same
-- user name or address at once, and the first who proves a contact has it.
--
-- Times are whole epoch seconds. Identifiers are stored in their canonical form
-- and compare byte for byte, which is what SQLite does with TEXT by default.

CREATE TABLE users (
    id                TEXT    NOT NULL PRIMARY KEY,  -- UUIDv7
    username          TEXT    NOT NULL UNIQUE,
    email             TEXT    UNIQUE,
    email_verified_at INTEGER,
    phone             TEXT    UNIQUE,
    phone_verified_at INTEGER,
    password_hash     TEXT    NOT NULL,
    password_version  INTEGER NOT NULL,              -- +1 at each new password
    roles             TEXT    NOT NULL,              -- words with blanks between
    created_at        INTEGER NOT NULL,
    last_login_at     INTEGER,
    disabled_at       INTEGER
) STRICT;

CREATE TABLE registrations (
    id            TEXT    NOT NULL PRIMARY KEY,      -- becomes the user's id
    username      TEXT    NOT NULL,
    email         TEXT,
    phone         TEXT,
    password_hash TEXT    NOT NULL,
    address       TEXT    NOT NULL,                  -- network it came from
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX ix_registrations_username   ON registrations (username);
CREATE INDEX ix_registrations_email      ON registrations (email);
CREATE INDEX ix_registrations_phone      ON registrations (phone);
CREATE INDEX ix_registrations_address    ON registrations (address);
CREATE INDEX ix_registrations_expires_at ON registrations (expires_at);
