-- Messages are worded in the language of whoever caused them.

ALTER TABLE outbox ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
