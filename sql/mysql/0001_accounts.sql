-- People: those who proved a contact (users) and those who have not yet
-- (registrations). A registration reserves nothing: two people may try the same
-- user name or address at once, and the first who proves a contact has it.
--
-- Times are whole epoch seconds. Identifiers, ids and digests are VARBINARY, so
-- that they compare byte for byte: MySQL's text types take e for an accented e,
-- upper for lower case, or a word for the same word with blanks behind it.
--
-- MySQL commits at each CREATE. So that a file which stopped half-way can be run
-- again, its statements make only what is missing, keys included.

CREATE TABLE IF NOT EXISTS users (
    id                VARBINARY(36)  NOT NULL PRIMARY KEY,  -- UUIDv7
    username          VARBINARY(32)  NOT NULL UNIQUE,
    email             VARBINARY(254) UNIQUE,
    email_verified_at BIGINT,
    phone             VARBINARY(32)  UNIQUE,
    phone_verified_at BIGINT,
    password_hash     VARBINARY(512) NOT NULL,
    password_version  BIGINT         NOT NULL,       -- +1 at each new password
    roles             VARCHAR(1000)  NOT NULL,       -- words with blanks between
    created_at        BIGINT         NOT NULL,
    last_login_at     BIGINT,
    disabled_at       BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS registrations (
    id            VARBINARY(36)  NOT NULL PRIMARY KEY,  -- becomes the user's id
    username      VARBINARY(32)  NOT NULL,
    email         VARBINARY(254),
    phone         VARBINARY(32),
    password_hash VARBINARY(512) NOT NULL,
    address       VARBINARY(100) NOT NULL,           -- network it came from
    created_at    BIGINT         NOT NULL,
    expires_at    BIGINT         NOT NULL,
    KEY ix_registrations_username   (username),
    KEY ix_registrations_email      (email),
    KEY ix_registrations_phone      (phone),
    KEY ix_registrations_address    (address),
    KEY ix_registrations_expires_at (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
